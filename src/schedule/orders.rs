//! What somebody waits for, until a builder takes it.

use std::collections::VecDeque;

use crate::sync::Mutex;

/// A bounded queue that can be closed for good.
#[derive(Debug)]
pub(crate) struct Orders<T> {
    queue: Mutex<Queue<T>>,
    most: usize,
}

#[derive(Debug)]
struct Queue<T> {
    orders: VecDeque<T>,
    closed: bool,
}

/// Why an order was not taken; the order comes back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused<T> {
    /// So many wait already that this one would wait too long.
    Full(T),
    /// Nobody will work any more.
    Closed(T),
}

impl<T> Orders<T> {
    /// A queue for `most` orders at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { queue: Mutex::new(Queue { orders: VecDeque::new(), closed: false }), most }
    }

    /// Adds an order behind the others.
    pub(crate) fn push(&self, order: T) -> Result<(), Refused<T>> {
        let mut queue = self.queue.lock();
        if queue.closed && !mutant!("closed_orders_refuse") {
            return Err(Refused::Closed(order));
        }
        if queue.orders.len() >= self.most {
            return Err(Refused::Full(order));
        }
        queue.orders.push_back(order);
        Ok(())
    }

    /// Adds an order that was taken before and could not be answered then, in front of the others
    /// and whether there is room or not: it had a place.
    pub(crate) fn push_back_in_front(&self, order: T) -> Result<(), Refused<T>> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(Refused::Closed(order));
        }
        queue.orders.push_front(order);
        Ok(())
    }

    /// The order that has waited longest.
    pub(crate) fn pop(&self) -> Option<T> {
        self.queue.lock().orders.pop_front()
    }

    /// Takes out an order that waits. Whether it was there.
    pub(crate) fn take_out(&self, is_it: impl Fn(&T) -> bool) -> bool {
        let taken = {
            let mut queue = self.queue.lock();
            let at = queue.orders.iter().position(is_it);
            at.and_then(|at| queue.orders.remove(at))
        };
        taken.is_some()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.lock().orders.len()
    }

    /// Takes no more, and gives back what waits.
    pub(crate) fn close(&self) -> VecDeque<T> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        std::mem::take(&mut queue.orders)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn orders_are_bounded_and_leave_in_the_order_in_which_they_came() {
        let orders = Orders::new(2);
        assert_eq!((orders.push(1), orders.push(2)), (Ok(()), Ok(())));
        assert_eq!(orders.push(3), Err(Refused::Full(3)));
        assert_eq!((orders.pop(), orders.len()), (Some(1), 1));
        assert_eq!(orders.push(3), Ok(()));
        assert_eq!(orders.push_back_in_front(1), Ok(()));
        assert!(!orders.take_out(|order| *order == 7));
        assert_eq!(
            [orders.pop(), orders.pop(), orders.pop(), orders.pop()],
            [Some(1), Some(2), Some(3), None]
        );
    }

    #[test]
    fn a_closed_queue_gives_back_what_waits_and_takes_no_more() {
        let orders = Orders::new(2);
        orders.push(1).unwrap();
        assert_eq!(orders.close(), [1]);
        assert_eq!(orders.push(2), Err(Refused::Closed(2)));
        assert_eq!(orders.push_back_in_front(2), Err(Refused::Closed(2)));
        assert_eq!(orders.pop(), None);
    }
}
