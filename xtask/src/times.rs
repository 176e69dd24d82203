//! Where the time of the page's tests goes.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::table::Table;
use crate::{Error, root};

/// How long a test of the page had a browser.
#[derive(Debug)]
pub struct Time {
    /// Its name.
    pub test: String,
    /// How long it waited for the browser's start.
    pub start: Duration,
    /// How long it had the browser.
    pub took: Duration,
    /// How long processors worked for the browser and its driver meanwhile. The rest of the time the test waited
    /// for what takes its time, or for a core that others had.
    pub busy: Duration,
}

impl Time {
    /// The file in which tests note their times; none unless somebody wants them.
    #[must_use]
    pub fn file() -> Option<PathBuf> {
        env::var_os(VARIABLE).map(PathBuf::from)
    }

    /// A line of that file.
    #[must_use]
    pub fn line(&self) -> String {
        let [start, took, busy] = [self.start, self.took, self.busy].map(|time| time.as_millis());
        format!("{}\t{start}\t{took}\t{busy}\n", self.test)
    }

    fn read(line: &str) -> Option<Self> {
        let mut cells = line.split('\t');
        let test = cells.next()?.to_owned();
        let mut time = || Some(Duration::from_millis(cells.next()?.parse().ok()?));
        Some(Self {
            test,
            start: time()?,
            took: time()?,
            busy: time()?,
        })
    }
}

/// The file in which tests note their times, with nothing in it.
pub(crate) fn begin() -> Result<PathBuf, Error> {
    let folder = root().join("target");
    let file = folder.join("times.tsv");
    let made = fs::create_dir_all(folder).and_then(|()| fs::write(&file, ""));
    match made {
        Ok(()) => Ok(file),
        Err(cause) => Err(failed(&file, &cause)),
    }
}

/// All that the file tells, those that took longest first.
pub(crate) fn table(file: &Path) -> Result<Table, Error> {
    let text = fs::read_to_string(file).map_err(|cause| failed(file, &cause))?;
    let mut times: Vec<_> = text.lines().filter_map(Time::read).collect();
    let all = Time {
        test: format!("all {}", times.len()),
        start: times.iter().map(|time| time.start).sum(),
        took: times.iter().map(|time| time.took).sum(),
        busy: times.iter().map(|time| time.busy).sum(),
    };
    times.sort_by_key(|time| Reverse(time.took));
    times.push(all);
    let mut table = Table::new(["test", "start, s", "had it, s", "worked, s", "waited, s"]);
    for time in times {
        let waited = time.took.saturating_sub(time.busy);
        let figures = [time.start, time.took, time.busy, waited];
        let figures = figures.map(|figure| format!("{:.1}", figure.as_secs_f64()));
        table.push([time.test].into_iter().chain(figures));
    }
    Ok(table)
}

fn failed(file: &Path, cause: &io::Error) -> Error {
    Error::Failed(format!("{}: {cause}", file.display()))
}

/// The variable of the environment that names the file of times.
pub(crate) const VARIABLE: &str = "HEARTWIRE_TIMES";
