//! A view whose builds wait until they may go on.

use std::sync::{Mutex, mpsc};
use std::thread;

use tidetable::{Result, View, ViewDefinition};

use super::world::{Builds, minute, number_of};

/// Builds before minute 100 say that they have begun, and wait.
pub(crate) struct Halting {
    pub(crate) view: View<u32, u64>,
    tell: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
    go: mpsc::Sender<()>,
}

#[derive(Debug)]
enum Heard {
    Begun,
    Answered(Result<()>),
}

/// What became of many readers at once.
pub(crate) struct Crowd {
    pub(crate) built: usize,
    /// The answers of those who were answered while the others built.
    pub(crate) turned_away: Vec<Result<()>>,
}

impl Halting {
    pub(crate) fn new(definition: ViewDefinition<u32, u64>, builds: &Builds) -> Self {
        let (tell, heard) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let (begun, may_go, told) = (tell.clone(), Mutex::new(may_go), builds.clone());
        let view = definition.build(move |context, _, bucket| {
            if number_of(bucket) < 100 {
                begun.send(Heard::Begun)?;
                may_go.lock().unwrap().recv()?;
            }
            told.run(context)
        });
        Self { view: view.unwrap(), tell, heard, go }
    }

    /// Calls while a reader builds minute 0, and says what that one got.
    pub(crate) fn while_one_builds(&self, then: impl FnOnce(&View<u32, u64>)) -> Result<()> {
        let (view, release) = (&self.view, Release(&self.go));
        thread::scope(|scope| {
            // Here, so that it is let go where the test fails.
            let release = release;
            let reader = scope.spawn(|| view.get(&1, minute(0)).map(drop));
            assert!(matches!(self.heard.recv(), Ok(Heard::Begun)));
            then(view);
            drop(release);
            reader.join().unwrap()
        })
    }

    /// Many readers at once, each of a minute of its own; what to do when each of them builds or was
    /// answered, before those who build go on.
    pub(crate) fn crowd(&self, readers: i64, then: impl FnOnce()) -> Crowd {
        let (view, release) = (&self.view, Release(&self.go));
        thread::scope(|scope| {
            let release = release;
            for number in 0..readers {
                let tell = self.tell.clone();
                let read = move || view.get(&1, minute(number)).map(drop);
                scope.spawn(move || tell.send(Heard::Answered(read())).unwrap());
            }
            let mut crowd = Crowd { built: 0, turned_away: Vec::new() };
            for _ in 0..readers {
                match self.heard.recv().unwrap() {
                    Heard::Begun => crowd.built += 1,
                    Heard::Answered(answer) => crowd.turned_away.push(answer),
                }
            }
            then();
            drop(release);
            for _ in 0..crowd.built {
                match self.heard.recv().unwrap() {
                    Heard::Answered(answer) => answer.unwrap(),
                    Heard::Begun => panic!("another began in the end"),
                }
            }
            crowd
        })
    }
}

/// Lets builds go on, from here on all of them, when it is dropped: also where a test fails that would
/// wait for them.
struct Release<'a>(&'a mpsc::Sender<()>);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        // Nobody is left to hear it where the view is gone.
        (0..1000).for_each(|_| self.0.send(()).unwrap_or_default());
    }
}
