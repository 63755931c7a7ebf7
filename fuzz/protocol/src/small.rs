//! Containers of a fixed size. A state is copied millions of times a second, so nothing in it may
//! lie on the heap; and states are compared by their bytes, so what is unused must be all alike.

use std::ops::{Deref, DerefMut, Index, IndexMut};

/// One `T` for each of `N` numbered things.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Each<T, const N: usize>(pub [T; N]);

impl<T: Copy + Default, const N: usize> Default for Each<T, N> {
    fn default() -> Self {
        Each([T::default(); N])
    }
}

impl<T, const N: usize> Index<u8> for Each<T, N> {
    type Output = T;

    fn index(&self, at: u8) -> &T {
        &self.0[usize::from(at)]
    }
}

impl<T, const N: usize> IndexMut<u8> for Each<T, N> {
    fn index_mut(&mut self, at: u8) -> &mut T {
        &mut self.0[usize::from(at)]
    }
}

/// Up to `N` of `T`, in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Few<T, const N: usize> {
    len: u8,
    items: [T; N],
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    /// Panics when it is full: a model that needs more room is a model that was bounded wrongly.
    pub fn push(&mut self, item: T) {
        self.items[usize::from(self.len)] = item;
        self.len += 1;
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Few { len: 0, items: [T::default(); N] }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..usize::from(self.len)]
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items[..usize::from(self.len)]
    }
}

/// A set of numbers below 8.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Set(pub u8);

impl Set {
    /// Whether `number` is in it.
    pub fn has(self, number: u8) -> bool {
        self.0 & 1 << number != 0
    }

    /// Takes `number` in.
    pub fn add(&mut self, number: u8) {
        self.0 |= 1 << number;
    }

    /// Lets `number` go.
    pub fn remove(&mut self, number: u8) {
        self.0 &= !(1 << number);
    }

    /// What is in it, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |&number| self.has(number))
    }
}
