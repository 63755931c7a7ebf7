//! What was done to a store, and what may be found of it after a crash.

use std::sync::OnceLock;

use tidetable::{Freshness, RunState};

use super::app::beginning;
use super::recipes::{PLACES, Place};
use super::seen::{Found, Seen};
use super::truth::{Truth, Turn, reads};

/// A state that the store was in, or was about to be in.
#[derive(Debug)]
pub struct Moment {
    /// What led here, in words.
    pub what: String,
    /// How many changes the disk had seen when that began.
    pub begun: usize,
    /// How many it had seen when that was acknowledged as durable; `None` if it never was, or if
    /// being acknowledged does not mean being durable.
    pub kept_from: Option<usize>,
    /// The same of all that had been built by then: what changes nothing in the file syncs nothing.
    pub synced_from: Option<usize>,
    /// The store's clock.
    pub now: i64,
    pub truth: Truth,
    /// What could be read then; `None` if nobody looked.
    pub seen: Option<Seen>,
    /// What fresh records of the next opening are.
    expected: OnceLock<Vec<Vec<Vec<u32>>>>,
}

/// The states of a store in order.
#[derive(Debug, Default)]
pub struct History(pub Vec<Moment>);

/// Among which states a store is that is opened after a crash.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The last one that was synced.
    synced: usize,
    /// The last one that was acknowledged.
    pub kept: usize,
    /// The last one that was begun.
    pub last: usize,
}

/// What does not hold, in words.
pub type Held<T = ()> = Result<T, String>;

impl Moment {
    pub fn new(what: String, begun: usize, now: i64, truth: Truth) -> Self {
        let expected = OnceLock::new();
        let (kept_from, synced_from, seen) = (None, None, None);
        Self { what, begun, kept_from, synced_from, now, truth, seen, expected }
    }

    fn expected(&self, place: Place, at: usize) -> &[u32] {
        let all = self.expected.get_or_init(|| {
            let truth = self.truth.clone().opened();
            let of = |place: Place| (0..place.spots()).map(|at| truth.record(place, at)).collect();
            // What is put is no build's.
            PLACES
                .iter()
                .map(|&place| if place == Place::Put { Vec::new() } else { of(place) })
                .collect()
        });
        &all[place as usize][at]
    }
}

impl History {
    /// Of a disk that is empty.
    pub fn of_nothing() -> Self {
        let now = beginning().as_millis();
        let mut nothing = Moment::new("nothing".to_owned(), 0, now, Truth::nothing());
        nothing.seen = Some(Seen::nothing());
        Self(vec![nothing])
    }

    /// From how many changes on the store was whole.
    pub fn born(&self) -> usize {
        self.0.iter().find_map(|moment| moment.kept_from).unwrap_or(usize::MAX)
    }

    /// From how many changes on all views were defined.
    pub fn defined(&self) -> usize {
        let defined = |moment: &&Moment| moment.truth.defined.iter().all(Option::is_some);
        self.0.iter().find(defined).and_then(|moment| moment.kept_from).unwrap_or(0)
    }

    pub fn now(&self) -> &Moment {
        self.0.last().expect("a history begins with a store that is empty")
    }

    pub fn bounds(&self, changes: usize) -> Bounds {
        let known = |from: Option<usize>| from.is_some_and(|from| from <= changes);
        let last_of = |is: &dyn Fn(&Moment) -> bool| self.0.iter().rposition(is).unwrap_or(0);
        let synced = last_of(&|moment| known(moment.synced_from));
        let kept = last_of(&|moment| known(moment.kept_from)).max(synced);
        let last = last_of(&|moment| moment.begun <= changes).max(kept);
        Bounds { synced, kept, last }
    }

    /// Which of these states it is that was found by an opening.
    pub fn state(&self, bounds: Bounds, seen: &Seen) -> Held<&Moment> {
        let Bounds { synced, kept, last } = bounds;
        let mut faults = Vec::new();
        for number in (synced..=last).rev() {
            let truth = &self.0[number.max(kept)];
            let next = self.0.get(number + 1).filter(|_| number < last);
            match self.is(number, truth, next, seen) {
                Ok(()) => return Ok(truth),
                Err(fault) => faults.push(format!("{number} ({}): {fault}", self.0[number].what)),
            }
        }
        Err(format!("it is none of the states {synced} to {last}:\n    {}", faults.join("\n    ")))
    }

    /// Whether what was found is a state, on the way to the next at most, and keeps what was
    /// acknowledged by another.
    fn is(&self, number: usize, kept: &Moment, next: Option<&Moment>, seen: &Seen) -> Held {
        let (moment, truth) = (&self.0[number], &kept.truth);
        if seen.defined != truth.defined {
            return Err(format!("views {:?}, not {:?}", seen.defined, truth.defined));
        }
        if seen.inputs != truth.inputs {
            return Err(format!("inputs {:?}, not {:?}", seen.inputs, truth.inputs));
        }
        check_runs(&seen.runs, &truth.runs)?;
        // Where nobody looked, what was last seen holds, but for what was built since.
        let looked = self.0[..=number].iter().rev().find_map(|moment| moment.seen.as_ref());
        let may_be: Vec<&Seen> =
            looked.into_iter().chain(next.and_then(|next| next.seen.as_ref())).collect();
        let under_way = |now| {
            next.is_some_and(|next| next.now == now) || (moment.seen.is_none() && moment.now == now)
        };
        for place in PLACES {
            for at in 0..place.spots() {
                let found = seen.records[place as usize][at].as_ref();
                let named = |fault: String| format!("{}[{at}] {fault}", place.name());
                if place == Place::Put {
                    check_put(truth, at, found).map_err(named)?;
                    continue;
                }
                let is_as = |then: &&Seen| same(found, then.records[place as usize][at].as_ref());
                let is_known = may_be.iter().any(is_as);
                if !is_known && !found.is_some_and(|found| under_way(found.built_at)) {
                    let then: Vec<_> =
                        may_be.iter().map(|seen| &seen.records[place as usize][at]).collect();
                    return Err(named(format!("is {found:?}, and was {then:?}")));
                }
                let Some(found) = found else { continue };
                if found.built_at <= truth.deleted[place as usize][at] {
                    return Err(named(format!("is {found:?}, and was deleted")));
                }
                if found.freshness.is_fresh() {
                    kept.check_fresh(seen, place, at, found).map_err(named)?;
                }
            }
        }
        Ok(())
    }
}

impl Moment {
    /// Whether everything is there, fresh and right, as a state has it.
    pub fn is_whole(&self, seen: &Seen) -> Held {
        for place in PLACES {
            for at in 0..place.spots() {
                let found = seen.records[place as usize][at].as_ref();
                let named = |fault: String| format!("{}[{at}] {fault}", place.name());
                match found {
                    None if place == Place::Put && self.truth.put[at].is_none() => {}
                    Some(found) if place == Place::Put => {
                        let put = self.truth.put[at].map(|put| vec![put.value]);
                        if put.as_ref() != Some(&found.value) || !found.freshness.is_fresh() {
                            return Err(named(format!("is {found:?}, and was put: {put:?}")));
                        }
                    }
                    Some(found)
                        if found.freshness.is_fresh()
                            && found.value == self.expected(place, at) => {}
                    found => {
                        let right = (place != Place::Put).then(|| self.expected(place, at));
                        return Err(named(format!("is {found:?}, right is {right:?}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// A record that says it is fresh is what a build makes of what was announced, was built since
    /// it was invalidated, and reads nothing that is not fresh.
    fn check_fresh(&self, seen: &Seen, place: Place, at: usize, found: &Found) -> Held {
        let right = self.expected(place, at);
        if found.value != right {
            return Err(format!("says it is fresh and is {:?}; right is {right:?}", found.value));
        }
        let invalidated = self.truth.invalidated[place as usize][at];
        if found.built_at <= invalidated {
            return Err(format!(
                "says it is fresh, and was invalidated at {invalidated}: {found:?}"
            ));
        }
        for (up, at) in reads(place, at) {
            match &seen.records[up as usize][at] {
                Some(read) if read.freshness == Freshness::Fresh => {}
                None if up == Place::Put => {}
                read => {
                    return Err(format!(
                        "says it is fresh and reads {}[{at}]: {read:?}",
                        up.name()
                    ));
                }
            }
        }
        Ok(())
    }
}

fn same(found: Option<&Found>, then: Option<&Found>) -> bool {
    let what = |found: &Found| (found.value.clone(), found.built_at);
    match (found, then) {
        (None, None) => true,
        (Some(found), Some(then)) => what(found) == what(then),
        _ => false,
    }
}

fn check_put(truth: &Truth, at: usize, found: Option<&Found>) -> Held {
    let put = truth.put[at];
    if found.map(|found| &found.value[..])
        != put.as_ref().map(|put| std::slice::from_ref(&put.value))
    {
        return Err(format!("is {found:?}, and was put: {put:?}"));
    }
    let is_right = truth.clone().opened().put[at].is_none_or(|put| put.is_right);
    if !is_right && found.is_some_and(|found| found.freshness.is_fresh()) {
        return Err(format!("says it is fresh, and what it was made from has changed: {put:?}"));
    }
    Ok(())
}

/// A run goes on or has ended, but for what somebody did with it.
fn check_runs(found: &[RunState], truth: &[Turn]) -> Held {
    let is = |(state, turn): (&RunState, &Turn)| match turn {
        Turn::Paused => *state == RunState::Paused,
        Turn::Cancelled => *state == RunState::Cancelled,
        Turn::Going => !matches!(state, RunState::Paused | RunState::Cancelled),
    };
    match found.len() == truth.len() && found.iter().zip(truth).all(is) {
        true => Ok(()),
        false => Err(format!("runs {found:?}, not {truth:?}")),
    }
}
