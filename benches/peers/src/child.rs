//! This program as its own child: what has to be killed, and what is to be weighed alone.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::args::CHILD;
use crate::bench::memory_for;
use crate::data::Data;
use crate::engine::{FilePeer, file_peers};
use crate::key::Key;
use crate::zipf::Random;

/// Opens a file, replaces a thousand records, synced, and lives until it is killed: returns when that
/// is done.
pub fn hold(peer: FilePeer, folder: &Path) -> Child {
    let words = [&"hold" as &dyn ToString, &peer.name, &folder.display()];
    let mut child = spawn(&words);
    let answer = child.stdout.as_mut().expect("it is piped");
    let mut line = String::new();
    BufReader::new(answer).read_line(&mut line).expect("an answer");
    assert_eq!(line.trim(), "held", "{} was not opened", peer.name);
    child
}

/// The most memory, in bytes, that a process had which opened a file with so much memory and read so
/// many records of it at random.
pub fn weigh(peer: FilePeer, folder: &Path, memory: usize, records: u32, reads: usize) -> u64 {
    let words =
        [&"weigh" as &dyn ToString, &peer.name, &folder.display(), &memory, &records, &reads];
    let mut child = spawn(&words);
    let mut answer = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut answer).expect("an answer");
    assert!(child.wait().expect("it ends").success(), "{} was not weighed", peer.name);
    answer.trim().parse().expect("a number of bytes")
}

fn spawn(words: &[&dyn ToString]) -> Child {
    let program = env::current_exe().expect("this program has a name");
    let words = words.iter().map(|word| word.to_string());
    let mut command = Command::new(program);
    command.arg(CHILD).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("this program begins again")
}

/// How many records are replaced before the kill.
const REPLACED: usize = 1_000;

/// What the child does.
#[expect(clippy::print_stdout, reason = "the answer to the parent")]
pub fn run(words: &[String]) -> Option<()> {
    let mut words = words.iter().map(String::as_str);
    let task = words.next()?;
    let name = words.next()?;
    let peer = file_peers().into_iter().find(|peer| peer.name == name)?;
    let folder = Path::new(words.next()?);
    let mut number = || words.next()?.parse::<usize>().ok();
    match task {
        "hold" => {
            let data = Data::new(REPLACED).changed();
            let engine = (peer.open)(folder, memory_for(&data));
            let nths: Vec<u32> = data.all().collect();
            engine.write(&mut |writer| writer.put(&data, &nths));
            println!("held");
            // The parent never writes: this ends with its end or with a kill.
            _ = std::io::stdin().read(&mut [0]);
        }
        "weigh" => {
            let (memory, records, reads) = (number()?, number()?, number()?);
            let engine = (peer.open)(folder, memory);
            let mut random = Random(0x9E37_79B9_7F4A_7C15);
            let nths: Vec<u32> =
                (0..reads).map(|_| (random.share() * records as f64) as u32).collect();
            engine.read(&mut |reader| {
                let found = nths.iter().filter(|nth| reader.get(Key::nth(**nth)).is_some());
                assert_eq!(found.count(), nths.len(), "all records are there");
            });
            println!("{}", peak()?);
            engine.close();
        }
        _ => return None,
    }
    Some(())
}

/// The most memory that this process ever had, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
