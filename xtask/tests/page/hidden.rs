use std::time::{Duration, Instant};

use tokio::time::sleep;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn heartbeats_keep_their_period_in_a_hidden_page() {
    let stay = Stay {
        arguments: &[EARLY],
        heartbeat: Duration::from_secs(2),
        time: Duration::from_secs(90),
        // Of the last 30 s one half is silent: slow timers are run once a minute.
        throttled: Duration::from_secs(14),
    };
    stay.assert_steady().await;
}

#[tokio::test]
#[ignore = "takes 10 minutes: cargo xtask soak hidden"]
async fn heartbeats_keep_their_period_over_ten_hidden_minutes() {
    let stay = Stay {
        arguments: &[],
        heartbeat: Duration::from_secs(30),
        time: Duration::from_mins(10),
        throttled: Duration::from_secs(50),
    };
    stay.assert_steady().await;
}

#[tokio::test]
async fn a_policy_that_forbids_workers_costs_a_hidden_page_no_heartbeat() {
    let server = Server::start(Manner::Silent);
    let policy = Some("worker-src 'none'");
    let visit = Visit::before(Browser::Chromium, &[], "/", policy).await;
    let query = format!("url={server}&heartbeat=1s");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["open"]).await;

    let away = visit.leaves().await;
    let before = server.texts().len();
    server
        .until("three more heartbeats", |all| {
            all[0].frames.len() >= before + 3
        })
        .await;

    visit.returns(away).await;
    visit.reaches(&["open"]).await;
    assert_eq!(server.connections().len(), 1);
}

/// A page that is hidden for some `time`.
struct Stay {
    arguments: &'static [&'static str],
    heartbeat: Duration,
    time: Duration,
    /// The gap to which a plain interval of 1 s grows meanwhile.
    throttled: Duration,
}

impl Stay {
    async fn assert_steady(&self) {
        let server = Server::start(Manner::Silent);
        let period = self.heartbeat.as_secs();
        let query = format!("url={server}&heartbeat={period}s");
        let visit = Visit::throttled(self.arguments, &query).await;
        visit.reaches(&["open"]).await;
        let control = "
            window.ticks = [];
            setInterval(() => {
                if (document.hidden) window.ticks.push(performance.now());
            }, 1000);";
        visit.evaluate(control).await;

        let away = visit.leaves().await;
        let hidden = Instant::now();
        sleep(self.time).await;
        let all = server.connections();
        let shown = Instant::now();
        visit.returns(away).await;

        let gap = "return Math.max(...window.ticks.slice(1).map((at, n) => at - window.ticks[n]),
            performance.now() - window.ticks.at(-1))";
        let control = visit.evaluate(gap).await.as_f64().unwrap();
        let control = Duration::from_secs_f64(control / 1000.0);
        assert_eq!(all.len(), 1, "{all:?}");
        let beats = all[0].frames.iter().map(|frame| frame.at);
        let beats: Vec<_> = [hidden]
            .into_iter()
            .chain(beats.filter(|at| *at > hidden))
            .chain([shown])
            .collect();
        let longest = beats
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap();
        println!(
            "hidden for {:?}, heartbeat {:?}: {} heartbeats, longest gap {longest:.1?}; \
             a page's interval of 1 s: longest gap {control:.1?}",
            self.time,
            self.heartbeat,
            beats.len() - 2,
        );
        assert!(
            control >= self.throttled,
            "Chromium does not slow timers down: {control:?}"
        );
        assert!(
            longest <= self.heartbeat + Duration::from_secs(5),
            "{longest:?}: {beats:?}"
        );
    }
}

/// Chromium slows the timers of a hidden page down after a minute, or after five if the page was
/// still loading (`GetIntensiveWakeUpThrottlingGracePeriod`); this makes the five one.
const EARLY: &str = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/60";
