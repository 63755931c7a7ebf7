//! Power is cut while a store recovers from a power cut.
//!
//! Of the images of `power` some are opened on a disk that notes what the recovery itself writes: the
//! repair, what is announced that was noted before, definitions, the first builds, closing. A case is
//! an image that a second cut may leave of that, held against what the first opening found and did,
//! as in `power`.

use super::power::{WORKED_OFF, choice, worked};
use crate::cuts::{self, Choice, Cut};
use crate::disk::{Disk, Image, Random};
use crate::proof::{Cores, Proof};
use crate::round::{Round, mix};
use crate::workload::{Held, History, Opened, said};

pub const PROOF: Proof = Proof {
    name: "power_twice",
    about: "power is cut again at each write of a recovery",
    rounds: None,
    cores: Cores::One,
    share: 3,
    round,
};

/// One in so many images is cut again.
const CUT_AGAIN: u64 = 60;

fn round(round: &Round<'_>) {
    let mut random = round.random();
    let work = match worked(&mut random) {
        Ok(work) => work,
        Err(fault) => return round.violation(&fault),
    };
    let calls = work.disk.calls();
    let key = |cut: &mut Cut| mix(cut.image.fingerprint());
    let mut again = Random(random.next() | 1);
    let choice = choice(round.number, &work.history);
    cuts::all((Image::default(), &calls), choice, &mut random, key, |cut| {
        if again.below(CUT_AGAIN) == 0 {
            match recovered(&work.history, cut, again.below(8) as usize) {
                Ok(Some((disk, history))) => cut_again(round, cut, &disk, &history, &mut again),
                Ok(None) => {}
                Err(fault) => round.violation(&format!("{}: {fault}", cut.name())),
            }
        }
        !round.is_over()
    });
}

/// Opens what a cut has left, works with it, and closes it.
fn recovered(history: &History, cut: &Cut, pieces: usize) -> Held<Option<(Disk, History)>> {
    let disk = Disk::over(cut.image.clone());
    let Some(mut opened) = Opened::find(history, cut.changes, &disk)? else { return Ok(None) };
    opened.recover(pieces).and_then(|()| opened.close()).map_err(said)?;
    Ok(Some((disk, opened.history)))
}

fn cut_again(round: &Round<'_>, first: &Cut, disk: &Disk, history: &History, random: &mut Random) {
    let key =
        |cut: &mut Cut| mix(cut.image.fingerprint()) ^ history.bounds(cut.changes).kept as u64;
    let choice = Choice { from: 0, one_in: 8 };
    cuts::all((first.image.clone(), &disk.calls()), choice, random, key, |cut| {
        let seed = mix(cut.image.clone().fingerprint());
        round.case(|| {
            let held = || {
                let disk = Disk::over(cut.image.clone()).forgetting();
                let found = Opened::find(history, cut.changes, &disk)?;
                let mut opened = found.ok_or("it was whole before the first cut")?;
                match seed.is_multiple_of(WORKED_OFF) {
                    true => opened.drain(4),
                    false => opened.close().map_err(said),
                }
            };
            held().map_err(|fault| format!("{}; then {}: {fault}", first.name(), cut.name()))
        });
        !round.is_over()
    });
}
