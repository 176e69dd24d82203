//! What a server meets when all its clients lose it together, and what they wait.

mod chart;

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;
use heartwire::Options;
use heartwire::core::backoff::{Backoff, Ceilings};
use heartwire::core::reach::Locality;
use tokio::task;

use self::chart::Chart;
use crate::table::{Table, grouped};
use crate::{Error, Interrupt, console, documents, root};

/// What a server meets when all its clients lose it together
///
/// Simulates 10,000, 100,000 and 1,000,000 clients that lose their server in the same moment: with
/// the page's own back-off and its default settings for a server elsewhere, and with four other
/// policies. Prints the table, and writes it into docs/herd.md and as a chart into docs/herd.svg.
///
/// An attempt while the server is away fails at once, a later one succeeds at once; a server that
/// takes a limited number of handshakes at a time is not simulated. A client's number is the seed of
/// its delays, so every run prints the same.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs `cargo xtask herd`.
///
/// # Errors
///
/// When `docs/herd.md` has no place for the table, or one of the files cannot be written.
pub async fn command(_: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    interrupt
        .guard(async {
            let trials = task::spawn_blocking(Trial::all)
                .await
                .map_err(|cause| Error::Failed(format!("the simulation has ended: {cause}")))?;
            for outage in OUTAGES {
                console::say(format_args!("{}\n", heading(outage)));
                console::say(table(&trials, outage));
            }
            for (path, content) in files(&trials)? {
                fs::write(&path, content).map_err(|cause| {
                    Error::Failed(format!("{} cannot be written: {cause}", path.display()))
                })?;
                console::say(format_args!("{} is written", path.display()));
            }
            Ok(())
        })
        .await
}

/// How long the server is away: it restarts at once, or it does not.
const OUTAGES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(30)];

/// How many clients lose it.
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

/// A herd of one size with one policy in one outage.
#[derive(Debug)]
struct Trial {
    outage: Duration,
    policy: Policy,
    clients: u32,
    figures: Figures,
}

impl Trial {
    /// Every trial, ordered by outage, policy and size.
    fn all() -> Vec<Self> {
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for outage in OUTAGES {
                for policy in Policy::ALL {
                    threads.push(scope.spawn(move || {
                        SIZES.map(|clients| Self {
                            outage,
                            policy,
                            clients,
                            figures: policy.herd(clients, outage).figures(outage),
                        })
                    }));
                }
            }
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("no trial panics"))
                .collect()
        })
    }
}

/// How a client chooses the delay before each attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Policy {
    /// Always one second.
    Fixed,
    /// A second that doubles up to thirty, without jitter.
    Exponential,
    /// What socket.io-client does unless told otherwise.
    SocketIo,
    /// Uniform from zero to a second that doubles up to thirty.
    FullJitter,
    /// The page's own.
    Heartwire,
}

impl Policy {
    const ALL: [Self; 5] = [
        Self::Fixed,
        Self::Exponential,
        Self::SocketIo,
        Self::FullJitter,
        Self::Heartwire,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed 1 s",
            Self::Exponential => "1 s doubling to 30 s",
            Self::SocketIo => "Socket.IO, 1 s to 5 s",
            Self::FullJitter => "full jitter, 1 s to 30 s",
            Self::Heartwire => "Heartwire",
        }
    }

    /// Puts so many clients that go by this policy through an outage.
    fn herd(self, clients: u32, outage: Duration) -> Herd {
        let first = Duration::from_secs(1);
        let last = Duration::from_secs(30);
        match self {
            Self::Fixed => Herd::in_step(clients, outage, || first),
            Self::Exponential => {
                let mut next = first;
                Herd::in_step(clients, outage, || {
                    let delay = next;
                    next = (delay * 2).min(last);
                    delay
                })
            }
            Self::SocketIo => Herd::new(clients, outage, |seed| {
                let mut backoff = SocketIoBackoff::new(seed);
                move || backoff.next_delay()
            }),
            Self::FullJitter => Herd::new(clients, outage, |seed| {
                let mut backoff = Backoff::new(Ceilings { first, last }, seed);
                move || backoff.next_delay()
            }),
            Self::Heartwire => {
                let ceilings = Options::new().ceilings(Locality::Remote);
                Herd::new(clients, outage, |seed| {
                    let mut backoff = Backoff::new(ceilings, seed);
                    move || backoff.next_delay()
                })
            }
        }
    }
}

/// The delays of socket.io-client with its defaults: a second that doubles, give or take up to a
/// half, but at most five seconds. From the fifth attempt on that is always five.
struct SocketIoBackoff {
    attempt: u32,
    rng: fastrand::Rng,
}

impl SocketIoBackoff {
    fn new(seed: u64) -> Self {
        Self {
            attempt: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// As `duration()` of its `lib/contrib/backo2.ts`, where one draw decides both how far from the
    /// middle and on which side; here the draw is in millionths.
    fn next_delay(&mut self) -> Duration {
        let middle = 1_000 << self.attempt.min(MAX_DOUBLINGS);
        self.attempt += 1;
        let draw = self.rng.u64(0..1_000_000);
        let deviation = middle * draw / 2_000_000;
        let delay = if (draw / 100_000).is_multiple_of(2) {
            middle - deviation
        } else {
            middle + deviation
        };
        Duration::from_millis(delay.min(5_000))
    }
}

/// Far more than Socket.IO's delay grows for, and few enough to compute with.
const MAX_DOUBLINGS: u32 = 10;

/// What a number of clients did from the moment in which they all lost the server.
#[derive(Debug, Default, Eq, PartialEq)]
struct Herd {
    /// The attempts in each second.
    attempts: Vec<u32>,
    /// The clients by what they waited after the server's return, in whole milliseconds.
    waits: Vec<u32>,
}

impl Herd {
    /// Follows one client after the other until it is connected. `client` makes, of a seed, what
    /// draws the delays of one; the seeds are the clients' numbers from zero.
    fn new<Delays>(clients: u32, outage: Duration, client: impl Fn(u64) -> Delays) -> Self
    where
        Delays: FnMut() -> Duration,
    {
        let mut herd = Self::default();
        for seed in 0..u64::from(clients) {
            herd.follow(1, outage, client(seed));
        }
        herd
    }

    /// Clients that all draw the same delays: one stands for the others.
    fn in_step(clients: u32, outage: Duration, delays: impl FnMut() -> Duration) -> Self {
        let mut herd = Self::default();
        herd.follow(clients, outage, delays);
        herd
    }

    fn follow(&mut self, clients: u32, outage: Duration, mut next_delay: impl FnMut() -> Duration) {
        let returned = millis(outage);
        let mut now = 0;
        loop {
            now += millis(next_delay());
            *bin(&mut self.attempts, now / 1_000) += clients;
            if now >= returned {
                break;
            }
        }
        *bin(&mut self.waits, now - returned) += clients;
    }

    fn figures(&self, outage: Duration) -> Figures {
        let busiest = |seconds: &[u32]| seconds.iter().copied().max().unwrap_or_default();
        let returned = index(outage.as_secs());
        let clients = self.waits.iter().sum::<u32>();
        let millis: f64 = (0_u32..)
            .zip(&self.waits)
            .map(|(millis, clients)| f64::from(millis) * f64::from(*clients))
            .sum();
        Figures {
            busiest: busiest(&self.attempts),
            busiest_after: busiest(&self.attempts[returned..]),
            attempts: f64::from(self.attempts.iter().sum::<u32>()) / f64::from(clients),
            mean_wait: millis / f64::from(clients) / 1_000.0,
            p99_wait: f64::from(self.wait_of_most(clients - clients / 100)) / 1_000.0,
        }
    }

    /// How long after the server's return so many clients are connected, in milliseconds.
    fn wait_of_most(&self, most: u32) -> u32 {
        let mut connected = 0;
        (0..)
            .zip(&self.waits)
            .find(|(_, clients)| {
                connected += **clients;
                connected >= most
            })
            .map_or(0, |(millis, _)| millis)
    }
}

fn bin(bins: &mut Vec<u32>, number: u64) -> &mut u32 {
    let index = index(number);
    if index >= bins.len() {
        bins.resize(index + 1, 0);
    }
    &mut bins[index]
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a herd is back within minutes")
}

/// In whole milliseconds, which every delay here is.
fn millis(duration: Duration) -> u64 {
    duration.as_secs() * 1_000 + u64::from(duration.subsec_millis())
}

/// What is told of a herd.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Attempts in the busiest second.
    busiest: u32,
    /// Attempts in the busiest second from the server's return on.
    busiest_after: u32,
    /// Attempts of a client, the successful one among them, in the mean.
    attempts: f64,
    /// From the server's return to a client's connection in the mean, in seconds.
    mean_wait: f64,
    /// What one client in a hundred waits longer than, in seconds.
    p99_wait: f64,
}

/// The trials of one outage, a row for each.
fn table(trials: &[Trial], outage: Duration) -> Table {
    let mut table = Table::new(HEADER);
    for trial in trials.iter().filter(|trial| trial.outage == outage) {
        let figures = trial.figures;
        table.push([
            trial.policy.name().to_owned(),
            grouped(trial.clients),
            grouped(figures.busiest),
            grouped(figures.busiest_after),
            format!("{:.1}", figures.attempts),
            seconds(figures.mean_wait),
            seconds(figures.p99_wait),
        ]);
    }
    table
}

/// Of a table. The third column counts the attempts of every second, the fourth those from the
/// server's return on.
const HEADER: [&str; 7] = [
    "policy",
    "clients",
    "busiest second",
    "after the return",
    "attempts per client",
    "mean wait",
    "p99 wait",
];

/// What the command writes, by path: the document with this table, and the chart.
fn files(trials: &[Trial]) -> Result<[(PathBuf, String); 2], Error> {
    let document = documents::filled("herd.md", "herd", &section(trials))?;
    let chart = Chart { trials }.to_string();
    Ok([document, (root().join("docs/herd.svg"), chart)])
}

/// What the document says of the trials, in Markdown. The figures in the text are those of the
/// longest outage and the largest herd.
fn section(trials: &[Trial]) -> String {
    let largest = trials
        .iter()
        .filter(|trial| trial.outage == OUTAGES[1] && trial.clients == SIZES[2]);
    let (ours, others): (Vec<_>, Vec<_>) =
        largest.partition(|trial| trial.policy == Policy::Heartwire);
    let ours = ours[0].figures;
    let text = format!(
        "`cargo xtask herd` takes the server away from {clients} clients with the page's own \
         back-off, and from as many with each of four other policies: when it is away for \
         {outage} s, Heartwire's busiest second has {busiest} attempts, and {after} once the \
         server is back, the others' {peaks} and {afters}. The price is the wait from the \
         server's return to the connection: {mean} on average and more than {p99} for one client \
         in a hundred, where the others wait {waits} on average. A page does not wait it out when \
         its network comes back, it comes to the front or *Retry now* is pressed: it then tries \
         within 300 ms.\n",
        clients = grouped(SIZES[2]),
        outage = OUTAGES[1].as_secs(),
        busiest = grouped(ours.busiest),
        after = grouped(ours.busiest_after),
        peaks = span(&others, |figures| figures.busiest, grouped),
        afters = span(&others, |figures| figures.busiest_after, grouped),
        mean = seconds(ours.mean_wait),
        p99 = seconds(ours.p99_wait),
        waits = span(&others, |figures| figures.mean_wait, seconds),
    );
    let tables = OUTAGES.map(|outage| {
        format!(
            "\n<details>\n<summary>{}</summary>\n\n{}\n</details>\n",
            heading(outage),
            table(trials, outage).markdown()
        )
    });
    text + &tables.concat()
}

/// From the smallest to the largest of a figure.
fn span<T: PartialOrd + Copy>(
    trials: &[&Trial],
    figure: impl Fn(Figures) -> T,
    text: impl Fn(T) -> String,
) -> String {
    let mut figures: Vec<_> = trials.iter().map(|trial| figure(trial.figures)).collect();
    figures.sort_by(|one, other| one.partial_cmp(other).expect("a figure is a number"));
    let [smallest, .., largest] = figures[..] else {
        unreachable!("there are several trials");
    };
    format!("{} to {}", text(smallest), text(largest))
}

fn heading(outage: Duration) -> String {
    if outage.is_zero() {
        "The server restarts at once".to_owned()
    } else {
        format!("The server is away for {} s", outage.as_secs())
    }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_tries_until_the_server_is_back() {
        let mut delays = [4_200, 10_300, 20_000]
            .map(Duration::from_millis)
            .into_iter();

        let herd = Herd::in_step(1, OUTAGE, || delays.next().unwrap());

        let tried: Vec<_> = (0..)
            .zip(&herd.attempts)
            .filter(|(_, one)| **one > 0)
            .collect();
        assert_eq!(tried, [(4, &1), (14, &1), (34, &1)]);
        let figures = herd.figures(OUTAGE);
        assert_eq!((figures.busiest, figures.busiest_after), (1, 1));
        assert_eq!(format!("{:.3}", figures.attempts), "3.000");
        assert_eq!(format!("{:.3}", figures.mean_wait), "4.500");
        assert_eq!(format!("{:.3}", figures.p99_wait), "4.500");
    }

    #[test]
    fn an_attempt_in_the_moment_of_the_return_succeeds() {
        let herd = Herd::in_step(1, OUTAGE, || OUTAGE / 2);

        assert_eq!(herd.attempts.iter().sum::<u32>(), 2);
        assert_eq!(herd.waits, [1]);
    }

    #[test]
    fn the_busiest_second_after_the_return_leaves_out_those_before() {
        let figures = Herd::new(10, OUTAGE, |client| {
            let first = if client < 7 { 29 } else { 31 };
            let mut delays = [first, 1 + client].map(Duration::from_secs).into_iter();
            move || delays.next().unwrap()
        })
        .figures(OUTAGE);

        // Seven at 29 s; then three at 31 s beside the second of the seven.
        assert_eq!((figures.busiest, figures.busiest_after), (7, 4));
    }

    #[test]
    fn one_client_in_a_hundred_waits_longer_than_the_p99_wait() {
        for (late, p99) in [(1, "1.0 s"), (2, "2.0 s")] {
            let herd = Herd::new(100, Duration::ZERO, |client| {
                move || Duration::from_secs(if client < late { 2 } else { 1 })
            });

            assert_eq!(seconds(herd.figures(Duration::ZERO).p99_wait), p99);
        }
    }

    #[test]
    fn clients_in_step_do_what_each_of_them_does() {
        let delay = || Duration::from_millis(700);

        assert_eq!(
            Herd::in_step(50, OUTAGE, delay),
            Herd::new(50, OUTAGE, |_| delay)
        );
    }

    #[test]
    fn without_jitter_all_clients_try_in_one_second() {
        let fixed = Policy::Fixed.herd(500, OUTAGE).figures(OUTAGE);
        assert_eq!((fixed.busiest, fixed.busiest_after), (500, 500));
        assert_eq!(format!("{:.1}", fixed.attempts), "30.0");
        assert_eq!(seconds(fixed.mean_wait), "0.0 s");

        // At 1, 3, 7, 15 and 31 s.
        let doubling = Policy::Exponential.herd(500, OUTAGE).figures(OUTAGE);
        assert_eq!((doubling.busiest, doubling.busiest_after), (500, 500));
        assert_eq!(format!("{:.1}", doubling.attempts), "5.0");
        assert_eq!(seconds(doubling.mean_wait), "1.0 s");
    }

    #[test]
    fn the_page_spreads_first_attempts_over_the_first_ceiling() {
        let herd = Policy::Heartwire.herd(100_000, Duration::ZERO);

        // Uniform over five seconds; half a percent is four standard deviations.
        let [first, second, third, fourth, fifth, ..] = herd.attempts[..] else {
            panic!("{:?}", herd.attempts);
        };
        for attempts in [first, second, third, fourth, fifth] {
            assert!(attempts.abs_diff(20_000) < 500, "{:?}", herd.attempts);
        }
        assert_eq!(
            herd.waits.len() - 1,
            index(millis(Options::new().ceilings(Locality::Remote).first))
        );
    }

    #[test]
    fn every_client_connects_once() {
        for outage in OUTAGES {
            for policy in Policy::ALL {
                let herd = policy.herd(1_000, outage);

                let returned = index(outage.as_secs());
                assert_eq!(herd.waits.iter().sum::<u32>(), 1_000, "{policy:?}");
                assert_eq!(
                    herd.attempts[returned..].iter().sum::<u32>(),
                    1_000,
                    "{policy:?}"
                );
            }
        }
    }

    #[test]
    fn socket_io_doubles_to_five_seconds_give_or_take_a_half() {
        let mut spans = [(u128::MAX, 0); 6];
        for seed in 0..2_000 {
            let mut backoff = SocketIoBackoff::new(seed);
            for (shortest, longest) in &mut spans {
                let delay = backoff.next_delay().as_millis();
                *shortest = delay.min(*shortest);
                *longest = delay.max(*longest);
            }
        }
        // The draws that shorten a delay end at 0.9, so that it is never shorter by a whole half.
        let expected = [
            (550, 1_500),
            (1_100, 3_000),
            (2_200, 5_000),
            (4_400, 5_000),
            (5_000, 5_000),
            (5_000, 5_000),
        ];
        for ((shortest, longest), (least, most)) in spans.into_iter().zip(expected) {
            assert!((least..least + 50).contains(&shortest), "{spans:?}");
            assert!((most - 50..=most).contains(&longest), "{spans:?}");
        }
    }

    #[test]
    fn the_document_and_the_chart_are_what_the_command_makes() {
        for (path, content) in files(&Trial::all()).unwrap() {
            assert!(
                fs::read_to_string(&path).unwrap() == content,
                "{} is out of date: run `cargo xtask herd`",
                path.display()
            );
        }
    }

    const OUTAGE: Duration = Duration::from_secs(30);
}
