//! Races of those who build at once, and of those who wait for them.
//!
//! That nobody waits for ever is asserted nowhere: a model that stands still fails. In a model no
//! deadline ever comes.

use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::sync::{Arc, AtomicBool, AtomicUsize, Condvar, Mutex, Ordering, thread};

use super::admission::Admission;
use super::answer::Answer;
use super::bell::Bell;
use super::orders::{Orders, Refused};
use super::receipt::{Round, receipt};

#[test]
fn never_more_are_in_than_may_be_and_whoever_leaves_makes_room() {
    loom::model(|| {
        let admission = Arc::new(Admission::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (admission, inside) = (admission.clone(), inside.clone());
                thread::spawn(move || {
                    let Some(_admitted) = admission.enter(2) else { return false };
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    true
                })
            })
            .collect();
        let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
        assert!(admitted.filter(|admitted| *admitted).count() >= 2);
        let all = (admission.enter(2), admission.enter(2));
        assert!(all.0.is_some() && all.1.is_some() && admission.enter(2).is_none());
    });
}

#[test]
fn who_looked_for_work_before_a_ring_does_not_sleep_through_it() {
    loom::model(|| {
        let shared = Arc::new((Bell::default(), AtomicBool::new(false)));
        let builder = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (bell, work) = &*shared;
                loop {
                    let heard = bell.heard();
                    if work.load(Ordering::Relaxed) {
                        return;
                    }
                    bell.wait(heard, None);
                }
            })
        };
        let (bell, work) = &*shared;
        // For nothing; then for something.
        bell.ring();
        work.store(true, Ordering::Relaxed);
        bell.ring();
        builder.join().unwrap();
    });
}

#[test]
fn who_rests_is_woken_by_a_call_whatever_was_rung_before() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let heard = bell.heard();
        let others = [Bell::ring, Bell::call].map(|tell: fn(&Bell)| {
            let bell = bell.clone();
            thread::spawn(move || tell(&bell))
        });
        bell.rest(heard, Instant::now());
        bell.wait(heard, None);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// What an executor does between two polls.
#[derive(Default)]
struct Parked {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Parked {
    fn wake(self: std::sync::Arc<Self>) {
        *self.woken.lock() = true;
        self.changed.notify_all();
    }
}

/// Polls until there is an answer.
fn wait_as_a_future(answer: &Answer<u32>) -> u32 {
    let parked = std::sync::Arc::new(Parked::default());
    let waker = Waker::from(parked.clone());
    loop {
        if let Poll::Ready(value) = answer.poll(&Context::from_waker(&waker)) {
            return value;
        }
        let mut woken = parked.woken.lock();
        while !*woken {
            parked.changed.wait(&mut woken);
        }
        *woken = false;
    }
}

#[test]
fn threads_and_futures_get_an_answer_whenever_it_comes() {
    loom::model(|| {
        let answer = Arc::new(Answer::default());
        let waiters = [wait_as_a_future, |answer: &Answer<u32>| answer.wait(None).unwrap()];
        let waiters = waiters.map(|wait| {
            let answer = answer.clone();
            thread::spawn(move || wait(&answer))
        });
        answer.give(1);
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), 1));
    });
}

#[test]
fn of_two_answers_all_get_the_same() {
    loom::model(|| {
        let answer = Arc::new(Answer::default());
        let others = [1, 2].map(|value| {
            let answer = answer.clone();
            thread::spawn(move || {
                answer.give(value);
                answer.get().unwrap()
            })
        });
        let mine = wait_as_a_future(&answer);
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), mine));
    });
}

/// What became of an order: how often it was answered and refused.
#[derive(Debug, Default)]
struct Fate([AtomicUsize; 2]);

const ANSWERED: usize = 0;
const REFUSED: usize = 1;

impl Fate {
    fn count(&self, what: usize) {
        self.0[what].fetch_add(1, Ordering::Relaxed);
    }

    fn is_sealed_once(&self) -> bool {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>() == 1
    }
}

fn place(orders: &Orders<Arc<Fate>>, fate: &Arc<Fate>) {
    if let Err(Refused::Closed(fate) | Refused::Full(fate)) = orders.push(fate.clone()) {
        fate.count(REFUSED);
    }
}

#[test]
fn every_order_is_answered_or_refused_once_whichever_way_it_meets_the_end() {
    loom::model(|| {
        let orders = Arc::new(Orders::new(2));
        let fates = [(); 2].map(|()| Arc::new(Fate::default()));
        let reader = {
            let (orders, fates) = (orders.clone(), fates.clone());
            thread::spawn(move || fates.iter().for_each(|fate| place(&orders, fate)))
        };
        let builder = {
            let orders = orders.clone();
            thread::spawn(move || {
                // The first waits for somebody else's build, and is placed again.
                if let Some(fate) = orders.pop()
                    && let Err(Refused::Closed(fate) | Refused::Full(fate)) =
                        orders.push_back_in_front(fate)
                {
                    fate.count(REFUSED);
                }
                if let Some(fate) = orders.pop() {
                    fate.count(ANSWERED);
                }
            })
        };
        for fate in orders.close() {
            fate.count(REFUSED);
        }
        reader.join().unwrap();
        builder.join().unwrap();
        assert!(fates.iter().all(|fate| fate.is_sealed_once()), "{fates:?}");
        assert_eq!(orders.len(), 0);
    });
}

/// A reader, a builder and one who closes, as the workshop has them.
#[derive(Debug)]
struct Hands {
    bell: Bell,
    orders: Orders<Arc<Answer<usize>>>,
    closing: AtomicBool,
}

impl Hands {
    fn read(&self) -> usize {
        let answer = Arc::new(Answer::default());
        match self.orders.push(answer.clone()) {
            Ok(()) => self.bell.call(),
            Err(_) => return REFUSED,
        }
        answer.wait(None).expect("no deadline comes")
    }

    fn work(&self) {
        let is_over = || self.closing.load(Ordering::Acquire);
        self.bell.attend(is_over, |heard| match self.orders.pop() {
            Some(answer) => answer.give(ANSWERED),
            None => self.bell.wait(heard, None),
        });
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Release);
        for answer in self.orders.close() {
            answer.give(REFUSED);
        }
        self.bell.call();
    }
}

#[test]
fn a_reader_is_answered_and_a_builder_ends_whenever_the_store_closes() {
    loom::model(|| {
        let orders = Orders::new(1);
        let hands = Hands { bell: Bell::default(), orders, closing: AtomicBool::new(false) };
        let hands = Arc::new(hands);
        let others = [Hands::work, |hands: &Hands| _ = hands.read()].map(|act: fn(&Hands)| {
            let hands = hands.clone();
            thread::spawn(move || act(&hands))
        });
        hands.close();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn all_who_are_answered_together_get_their_answers_whoever_wakes_them() {
    loom::model(|| {
        let (replies, receipts): (Vec<_>, Vec<_>) = (0..2).map(|_| receipt()).unzip();
        let waiting: Vec<_> =
            receipts.into_iter().map(|receipt| thread::spawn(move || receipt.wait())).collect();
        let round = Round::default();
        replies.into_iter().zip([3, 7]).for_each(|(reply, answer)| reply.give(answer, &round));
        round.wake_one();
        // Or the one who is awake has.
        round.wake_all();
        let answers: Vec<_> = waiting.into_iter().map(|waits| waits.join().unwrap()).collect();
        assert_eq!(answers, [Some(3), Some(7)]);
    });
}

#[test]
fn who_waits_for_an_answer_that_nobody_will_give_is_told() {
    loom::model(|| {
        let (reply, receipt) = receipt::<u8>();
        let waits = thread::spawn(move || receipt.wait());
        drop(reply);
        assert_eq!(waits.join().unwrap(), None);
    });
}
