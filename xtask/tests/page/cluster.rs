//! A cluster of real brokers, and what it does to a page: `docs/cluster.md`.
//!
//! All of it is tried against one cluster, by one test at a time; each has queues of its own.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use heartwire_page::words::Lang;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;
use xtask::Error;
use xtask::broker::{Cluster, LOGIN, NODES, PASSCODE, Peer};
use xtask::browser::Browser;
use xtask::{peers, wait};

use super::log::Downloads;
use super::visit::{QUICK, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn a_message_is_confirmed_by_its_receipt_and_comes_back() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let nodes = Nodes::lend().await;
        let queue = nodes.queue().await;
        let visit = nodes.visit(browser, &format!("destination={queue}")).await;
        visit.reaches(&["open"]).await;

        visit.types("hi 你好 😀").await;

        visit.shows("hi 你好 😀").await;
        visit.awaits("confirmed", |count| count != "0").await;
        visit.awaits("sent", |count| count == "0").await;
        // The log has texts, and their frames can be looked at.
        for (kind, head) in [
            ("sent", "SEND\ndestination:"),
            ("got", "MESSAGE\nsubscription:0\n"),
        ] {
            visit.presses_row(kind).await;
            eventually(&format!("the frame of what is {kind}"), SOON, async || {
                let facts = "return document.querySelector('#log-opened dl').textContent";
                visit.text_of(facts).await.contains(head).then_some(())
            })
            .await;
        }
        visit.press("Disconnect").await;
        visit.reaches(&["stopped"]).await;
    }
}

#[tokio::test]
async fn a_wrong_passcode_is_said_and_not_tried_again() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let visit = nodes
        .page(Browser::Chromium, &format!("destination={queue}"))
        .await;
    logs_in(&visit, "wrong").await;

    is_refused(&visit, ["Log-in refused", "登录被拒绝"]).await;
    assert_eq!(visit.datum("epoch").await, "1");
    let said = visit.status().await;
    assert!(said.contains("Access refused for user 'web'"), "{said}");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_of_another_kind_is_said_after_three_attempts() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let of_another_kind = queue.replace("/amq", "");
    for destination in ["/amq/queue/missing", &of_another_kind] {
        let visit = nodes
            .visit(
                Browser::Chromium,
                &format!("destination={destination}&queue_type=none"),
            )
            .await;

        is_refused(&visit, ["Subscription refused", "订阅被拒绝"]).await;
        assert_eq!(visit.datum("epoch").await, "3", "{destination}");
        let said = visit.status().await;
        assert!(said.contains(destination), "{said}");
    }
}

#[tokio::test]
async fn what_a_login_may_not_do_is_said() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let other = nodes.queue().await;
    let name = queue.rsplit('/').next().unwrap();
    let permissions = ["set_permissions", "-p", "/", LOGIN, "", "", name];
    nodes.control(&permissions).await;
    let visit = nodes
        .opens(&format!("destination={other}&subscribe={queue}"))
        .await;
    visit.types("a").await;
    is_refused(&visit, ["Destination refused", "目的地被拒绝"]).await;
    let said = visit.status().await;
    assert!(said.contains(&other), "{said}");
    // It may be written to after all.
    nodes.allow_all().await;
    visit.press(Lang::ZhCn.words().try_again).await;
    visit.reaches(&["open"]).await;
    visit.awaits("confirmed", |count| count == "1").await;

    let permissions = ["set_permissions", "-p", "/", LOGIN, "", ".*", "none"];
    nodes.control(&permissions).await;
    let visit = nodes
        .visit(Browser::Chromium, &format!("destination={queue}"))
        .await;
    is_refused(&visit, ["Subscription refused", "订阅被拒绝"]).await;
    nodes.allow_all().await;
}

#[tokio::test]
async fn a_user_who_is_deleted_loses_nothing_and_is_told() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let visit = nodes
        .opens(&format!("destination={queue}&receipt_timeout=2s"))
        .await;
    visit.types("a").await;
    visit.awaits("confirmed", |count| count == "1").await;
    nodes.control(&["delete_user", LOGIN]).await;
    visit.types("b").await;

    is_refused(&visit, ["Log-in refused", "登录被拒绝"]).await;
    nodes.control(&["add_user", LOGIN, PASSCODE]).await;
    nodes.allow_all().await;
    visit.press(Lang::ZhCn.words().try_again).await;
    visit.reaches(&["open"]).await;
    visit.awaits("confirmed", |count| count == "2").await;
    visit.shows("ab").await;
}

#[tokio::test]
async fn a_queue_that_goes_is_noticed_and_one_that_comes_back_is_used() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let visit = nodes.opens(&format!("destination={queue}")).await;
    let name = queue.rsplit('/').next().unwrap();
    nodes.control(&["delete_queue", name]).await;
    is_refused(&visit, ["Subscription refused", "订阅被拒绝"]).await;

    nodes.declare(&queue, "quorum").await;
    visit.press(Lang::ZhCn.words().try_again).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
}

#[tokio::test]
async fn a_node_that_is_killed_and_one_that_hangs_are_left_and_nothing_is_lost() {
    let nodes = Nodes::lend().await;
    let [there, back] = [nodes.queue().await, nodes.queue().await];
    let query = format!("destination={there}&subscribe={back}&heartbeat=2s");
    let visit = nodes.opens(&query).await;
    // It types on whatever happens.
    let count = 300;
    types(&visit, "message", count, 50).await;

    for does in ["kill", "hang"] {
        sleep(Duration::from_secs(2)).await;
        let epoch = visit.datum("epoch").await;
        let node = nodes.of_connection().await;
        nodes.does(does, node).await;
        visit.awaits("epoch", |now| now != epoch).await;
        // While the leader of a queue hangs, nobody subscribes to it.
        nodes.does("back", node).await;
        visit.reaches_within(PATIENCE, &["open", "reopened"]).await;
    }

    let all = count.to_string();
    visit.awaits_confirmed(&all).await;
    assert_eq!(visit.datum("unconfirmed").await, "0");
    assert_eq!(visit.datum("queued").await, "0");
    // What is confirmed is there.
    let stored = nodes.peer().await.drain(&there).await.unwrap();
    let numbers = stored
        .iter()
        .map(|text| text["message ".len()..].parse::<usize>());
    let mut numbers: Vec<_> = numbers.map(Result::unwrap).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
}

/// The page's own node is fine, and beats. What it is told to store waits for another leader.
#[tokio::test]
async fn a_queue_whose_leader_hangs_elsewhere_is_waited_for() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let query = format!("destination={queue}&receipt_timeout=3s&log_limit=1000");
    let visit = nodes.opens(&query).await;
    let leader = nodes.leader(&queue).await;
    // The balancer gives each new connection to the node that has the fewest.
    eventually("the page is at another node", PATIENCE, async || {
        if nodes.of_connection().await != leader {
            return Some(());
        }
        visit.press("Disconnect").await;
        visit.reaches(&["stopped"]).await;
        visit.press("Connect").await;
        visit.reaches_within(PATIENCE, &["open", "reopened"]).await;
        None
    })
    .await;
    visit.types("0").await;
    visit.awaits("confirmed", |count| count == "1").await;
    let before: usize = visit.datum("epoch").await.parse().unwrap();

    nodes.does("hang", leader).await;
    let count = 50;
    types(&visit, "message", count, 50).await;
    sleep(HANGS).await;
    // Another leader was found meanwhile, or none: RabbitMQ took 6 to 8 s, and once more than a minute.
    let tried: usize = visit.datum("epoch").await.parse().unwrap();
    assert!(tried - before <= ATTEMPTS, "{} attempts", tried - before);
    let state = visit.datum("state").await;
    assert!(
        !["refusedFinal", "gaveUp"].contains(&state.as_str()),
        "{state}"
    );
    nodes.does("back", leader).await;

    let all = (count + 1).to_string();
    visit.awaits_confirmed(&all).await;
    assert_eq!(visit.datum("unconfirmed").await, "0");
    assert_eq!(visit.datum("queued").await, "0");
    visit.shows(&format!("message {count}")).await;
    let came = exported(&visit).await;
    let came = came.iter().filter(|row| row["kind"] == "received");
    let mut came: Vec<_> = came.map(|row| row["text"].as_str().unwrap()).collect();
    came.sort_unstable();
    let mut all: Vec<_> = (1..=count)
        .map(|number| format!("message {number}"))
        .collect();
    all.push("0".to_owned());
    all.sort_unstable();
    assert_eq!(came, all);
}

#[tokio::test]
async fn without_a_majority_nothing_is_called_confirmed() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    let visit = nodes.opens(&format!("destination={queue}")).await;
    visit.types("a").await;
    visit.awaits("confirmed", |count| count == "1").await;
    let node = nodes.of_connection().await;
    let others: Vec<_> = (1..=NODES).filter(|other| *other != node).collect();
    for other in &others {
        nodes.does("kill", *other).await;
    }

    visit.types("b").await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(visit.datum("confirmed").await, "1");
    for other in &others {
        nodes.does("back", *other).await;
    }
    visit.awaits_confirmed("2").await;
    visit.shows("ab").await;
}

#[tokio::test]
async fn a_stream_has_what_was_sent_while_nobody_was_there() {
    let nodes = Nodes::lend().await;
    let stream = nodes.stream().await;
    let query = format!("destination={stream}&queue_type=stream&log_limit=1000");
    let visit = nodes.opens(&query).await;
    visit.types("a").await;
    visit.shows("a").await;

    let mut peer = nodes.peer().await;
    for leaves in ["Disconnect", "reload"] {
        if leaves == "reload" {
            visit.reloads().await;
        } else {
            visit.press(leaves).await;
        }
        let texts: Vec<_> = (0..5).map(|number| format!("{leaves} {number}")).collect();
        for text in &texts {
            peer.send(&stream, text).await.unwrap();
        }
        if leaves == "reload" {
            logs_in(&visit, PASSCODE).await;
        } else {
            visit.press("Connect").await;
        }
        let expected: Vec<_> = texts.iter().map(|text| format!("↓ {text}")).collect();
        visit
            .awaits_rows("what was sent meanwhile, in order", |rows| {
                let came: Vec<_> = rows.iter().filter(|row| row.starts_with('↓')).collect();
                came.ends_with(&expected.iter().collect::<Vec<_>>())
            })
            .await;
    }
}

#[tokio::test]
async fn the_passcode_is_nowhere_but_in_memory() {
    let nodes = Nodes::lend().await;
    let queue = nodes.queue().await;
    nodes.control(&["change_password", LOGIN, "s3cretly"]).await;
    let visit = nodes
        .page(
            Browser::Chromium,
            &format!("destination={queue}&outbox_storage=session"),
        )
        .await;
    logs_in(&visit, "s3cretly").await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    visit.press("Copy link to this setup").await;
    let away = visit.leaves().await;
    visit.returns(away).await;

    let found = "
        const has = (text) => String(text).includes('s3cretly');
        const stores = [localStorage, sessionStorage].flatMap((one) => Object.entries(one));
        const fields = [...document.querySelectorAll('input:not([type=password]), textarea')];
        return [stores.flat().some(has), has(location.href), has(document.body.innerText),
            has(document.documentElement.outerHTML.replace(/<input id=.passcode.[^>]*>/, '')),
            fields.some((one) => has(one.value))].join()";
    assert_eq!(visit.text_of(found).await, "false,false,false,false,false");
    // Another address is told nothing.
    visit.press("Disconnect").await;
    let url = visit.url().await;
    visit
        .enters_url(&url.replace("localhost", "127.0.0.1"))
        .await;
    visit.press("Connect").await;
    visit.reaches(&["refusedFinal"]).await;
    let said = visit.status().await;
    assert!(said.contains("No passcode is entered"), "{said}");
    nodes.control(&["change_password", LOGIN, PASSCODE]).await;
}

/// Each text goes to the broker and comes back, while the page's own node is killed twice.
#[tokio::test]
#[ignore = "takes 6 minutes: cargo xtask soak cluster"]
async fn through_two_kills_nothing_is_lost_shown_twice_or_wrongly_confirmed() {
    let nodes = Nodes::lend().await;
    println!(
        "{:<34}  {:>6}  {:>4}  {:>11}  {:>12}  {:>9}  {:>11}",
        "page", "texts", "lost", "shown twice", "out of order", "confirmed", "connections"
    );

    let queue = nodes.queue().await;
    let page = HeartwirePage::open(&nodes, &queue, "quorum").await;
    let texts = page.types_through_kills(&nodes, TEXTS).await;
    let outcome = page.outcome(texts).await;
    println!("{outcome}");
    assert_eq!(
        (outcome.lost, outcome.twice, outcome.confirmed),
        (0, 0, Some(TEXTS))
    );
    page.visit.press("Disconnect").await;
    assert_eq!(nodes.peer().await.drain(&queue).await.unwrap(), [""; 0]);

    let stream = nodes.stream().await;
    let page = HeartwirePage::open(&nodes, &stream, "stream").await;
    let mut texts = page.types_through_kills(&nodes, TEXTS / 2).await;
    page.visit.press("Disconnect").await;
    let mut peer = nodes.peer().await;
    for number in 0..300 {
        let text = format!("meanwhile {number}");
        peer.send(&stream, &text).await.unwrap();
        texts.push(text);
        sleep(Duration::from_millis(100)).await;
    }
    peer.end().await.unwrap();
    page.visit.press("Connect").await;
    page.visit.reaches(&["open", "reopened"]).await;
    texts.extend(page.types_through_kills(&nodes, TEXTS / 2).await);
    let outcome = page.outcome(texts).await;
    println!("{outcome}");
    assert_eq!(
        (
            outcome.lost,
            outcome.twice,
            outcome.inversions,
            outcome.confirmed
        ),
        (0, 0, 0, Some(TEXTS))
    );
    page.visit.press("Disconnect").await;

    let queue = nodes.queue().await;
    let outcome = stompjs(&nodes, &queue).await;
    println!("{outcome}");
}

/// Killed as soon as a receipt is seen, with others on their way.
#[tokio::test]
#[ignore = "takes 6 minutes: cargo xtask soak cluster"]
async fn no_confirmed_message_is_missing_after_twenty_kills() {
    let nodes = Nodes::lend().await;
    let [there, back] = [nodes.queue().await, nodes.queue().await];
    let query = format!("destination={there}&subscribe={back}&log_limit=100000");
    let visit = nodes.opens(&query).await;
    for round in 1..=20 {
        let node = nodes.of_connection().await;
        let confirmed = visit.datum("confirmed").await;
        types(&visit, &format!("round {round},"), 100, 5).await;
        visit.awaits("confirmed", |now| now != confirmed).await;
        nodes.does("kill", node).await;
        visit.awaits("queued", |count| count == "0").await;
        visit.awaits("sent", |count| count == "0").await;
        nodes.does("back", node).await;
    }
    visit.awaits("confirmed", |count| count == "2000").await;
    let stored: HashSet<_> = nodes
        .peer()
        .await
        .drain(&there)
        .await
        .unwrap()
        .into_iter()
        .collect();
    let rows = exported(&visit).await;
    let confirmed = rows.iter().filter(|row| row["delivery"] == "confirmed");
    let confirmed: Vec<_> = confirmed.map(|row| row["text"].as_str().unwrap()).collect();
    let missing = confirmed
        .iter()
        .filter(|text| !stored.contains(**text))
        .count();
    println!(
        "20 kills at a receipt: {} confirmed, {missing} of them missing, {} stored",
        confirmed.len(),
        stored.len()
    );
    assert_eq!((confirmed.len(), missing), (2000, 0));
}

/// How many texts are typed, a hundred in a second.
const TEXTS: usize = 3_000;

/// What came of texts that were typed.
struct Outcome {
    page: &'static str,
    texts: usize,
    lost: usize,
    twice: usize,
    inversions: usize,
    confirmed: Option<usize>,
    connections: String,
}

impl Outcome {
    fn of(
        page: &'static str,
        texts: &[String],
        shown: &[String],
        confirmed: Option<usize>,
        connections: String,
    ) -> Self {
        let places: HashMap<_, _> = texts.iter().zip(0..).collect();
        let mut times = HashMap::new();
        for text in shown {
            *times.entry(text).or_insert(0_usize) += 1;
        }
        let places: Vec<usize> = shown
            .iter()
            .filter_map(|text| places.get(text).copied())
            .collect();
        Self {
            page,
            texts: texts.len(),
            lost: texts
                .iter()
                .filter(|text| !times.contains_key(text))
                .count(),
            twice: times.values().map(|times| times - 1).sum(),
            inversions: places.windows(2).filter(|pair| pair[0] > pair[1]).count(),
            confirmed,
            connections,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confirmed = self
            .confirmed
            .map_or("–".to_owned(), |count| count.to_string());
        write!(
            f,
            "{:<34}  {:>6}  {:>4}  {:>11}  {:>12}  {confirmed:>9}  {:>11}",
            self.page, self.texts, self.lost, self.twice, self.inversions, self.connections
        )
    }
}

/// The page, which keeps every row of its log.
struct HeartwirePage {
    visit: Visit,
    name: &'static str,
}

impl HeartwirePage {
    async fn open(nodes: &Nodes, destination: &str, kind: &'static str) -> Self {
        let query = format!("destination={destination}&queue_type={kind}&log_limit=100000");
        let visit = nodes.opens(&query).await;
        let name = match kind {
            "stream" => "Heartwire, stream, away for 30 s",
            _ => "Heartwire, quorum queue",
        };
        Self { visit, name }
    }

    /// Types so many texts; the node is killed twice meanwhile. Returns the texts, once all are confirmed.
    async fn types_through_kills(&self, nodes: &Nodes, count: usize) -> Vec<String> {
        let visit = &self.visit;
        let before: usize = visit.datum("confirmed").await.parse().unwrap();
        let word = format!("message of {before},");
        types(visit, &word, count, 10).await;
        for _ in 0..2 {
            sleep(Duration::from_secs(3)).await;
            let node = nodes.of_connection().await;
            let epoch = visit.datum("epoch").await;
            nodes.does("kill", node).await;
            visit.awaits("epoch", |now| now != epoch).await;
            visit.reaches(&["open", "reopened"]).await;
            nodes.does("back", node).await;
        }
        let all = (before + count).to_string();
        visit
            .awaits("confirmed", |confirmed| confirmed == all)
            .await;
        (1..=count)
            .map(|number| format!("{word} {number}"))
            .collect()
    }

    async fn outcome(&self, texts: Vec<String>) -> Outcome {
        let rows = eventually("all has come back", SOON, async || {
            let rows = exported(&self.visit).await;
            let came = rows.iter().filter(|row| row["kind"] == "received").count();
            (came >= texts.len()).then_some(rows)
        })
        .await;
        let shown = rows.iter().filter(|row| row["kind"] == "received");
        let shown: Vec<_> = shown
            .map(|row| row["text"].as_str().unwrap().to_owned())
            .collect();
        let confirmed = self.visit.datum("confirmed").await.parse().ok();
        let connections = self.visit.datum("epoch").await;
        Outcome::of(self.name, &texts, &shown, confirmed, connections)
    }
}

/// The same with the library that STOMP is spoken with in browsers, as its guide has it.
async fn stompjs(nodes: &Nodes, destination: &str) -> Outcome {
    let visit = Visit::elsewhere(Browser::Chromium, &peers::stompjs().unwrap()).await;
    let url = on(async |cluster| cluster.url()).await;
    let query = format!("url={url}&destination={destination}&login={LOGIN}&passcode={PASSCODE}");
    let client = &visit.session.client;
    let address = visit.site.address("127.0.0.1", &query);
    client.goto(&address).await.unwrap();
    let connections = "return document.body.dataset.connections ?? '0'";
    eventually("it is connected", SOON, async || {
        (visit.text_of(connections).await == "1").then_some(())
    })
    .await;
    types(&visit, "message", TEXTS, 10).await;
    for kill in 2..=3 {
        sleep(Duration::from_secs(3)).await;
        let node = nodes.of_connection().await;
        nodes.does("kill", node).await;
        eventually("it is connected again", SOON, async || {
            (visit.text_of(connections).await == kill.to_string()).then_some(())
        })
        .await;
        nodes.does("back", node).await;
    }
    // Typing ends, and what is still to come does.
    sleep(Duration::from_secs(40)).await;
    let shown = visit.evaluate("return window.received").await;
    let shown: Vec<String> = serde_json::from_value(shown).unwrap();
    let texts: Vec<_> = (1..=TEXTS)
        .map(|number| format!("message {number}"))
        .collect();
    let connections = visit.text_of(connections).await;
    Outcome::of(
        "@stomp/stompjs, quorum queue",
        &texts,
        &shown,
        None,
        connections,
    )
}

/// Types texts that end in their numbers, so many milliseconds apart.
async fn types(visit: &Visit, word: &str, count: usize, pause: u32) {
    let script = "const [word, count, pause] = arguments;
        const field = document.querySelector('#message');
        let number = 0;
        const timer = setInterval(() => {
            field.value = `${word} ${++number}`;
            if (number === count) clearInterval(timer);
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }, pause)";
    let arguments = vec![json!(word), json!(count), json!(pause)];
    let client = &visit.session.client;
    client.execute(script, arguments).await.unwrap();
}

/// The rows of the log, as they are downloaded.
async fn exported(visit: &Visit) -> Vec<Value> {
    let folder = Downloads::new();
    let behavior = json!({ "behavior": "allow", "downloadPath": folder.path() });
    visit
        .devtools("Browser.setDownloadBehavior", behavior)
        .await;
    visit.press("Download (JSON Lines)").await;
    let text = eventually("the file is there", SOON, async || folder.text()).await;
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

impl Visit {
    /// Waits until so many messages are confirmed.
    async fn awaits_confirmed(&self, count: &str) {
        let what = format!("{count} are confirmed");
        eventually(&what, PATIENCE, async || {
            (self.datum("confirmed").await == count).then_some(())
        })
        .await;
    }
}

/// Enters the passcode, and connects.
async fn logs_in(visit: &Visit, passcode: &str) {
    let open = "document.querySelector('.settings').open
        || document.querySelector('.settings summary').click()";
    visit.evaluate(open).await;
    eventually("the passcode can be entered", SOON, async || {
        let field = "return document.querySelector('#passcode') && true";
        (visit.evaluate(field).await == true).then_some(())
    })
    .await;
    visit.puts("#passcode", passcode).await;
    let connect = "document.querySelector('.address-row button').click()";
    visit.evaluate(connect).await;
}

/// Waits until the page says this, in both languages, and sees that nothing is tried for a while. It speaks Chinese
/// then.
async fn is_refused(visit: &Visit, headlines: [&str; 2]) {
    let refused = wait::eventually("it is refused", SOON, async || {
        (visit.datum("state").await == "refusedFinal").then_some(())
    });
    if let Err(error) = refused.await {
        panic!("{error}: {}", visit.status().await);
    }
    let epoch = visit.datum("epoch").await;
    for (lang, headline) in Lang::ALL.into_iter().zip(headlines) {
        visit.speaks(lang).await;
        eventually(&format!("it says {headline}"), SOON, async || {
            (visit.headline().await == headline).then_some(())
        })
        .await;
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(visit.datum("epoch").await, epoch);
}

/// The cluster, lent to one test at a time.
struct Nodes {
    _turn: MutexGuard<'static, ()>,
}

/// What the cluster's programs belong to lives as long as the tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static CLUSTER: Mutex<Option<Cluster>> = Mutex::const_new(None);

static TURN: Mutex<()> = Mutex::const_new(());

/// A busy machine takes its time to start a node and to find a leader.
const PATIENCE: Duration = Duration::from_mins(3);

/// How long a leader hangs: longer than another is usually found in.
const HANGS: Duration = Duration::from_secs(12);

/// A connection is left after 3 s without a receipt, and the next is waited for as long as one may take.
const ATTEMPTS: usize = 5;

/// How many queues there were.
static QUEUES: AtomicU32 = AtomicU32::new(0);

impl Nodes {
    /// Waits for a turn; all nodes run then.
    async fn lend() -> Self {
        let turn = TURN.lock().await;
        let started = off_duty(async || {
            let mut cluster = CLUSTER.lock().await;
            if cluster.is_none() {
                let started = Cluster::start(0).await?;
                started.declare(&[]).await?;
                *cluster = Some(started);
            }
            Ok::<_, Error>(())
        });
        started.await.unwrap();
        let nodes = Self { _turn: turn };
        for node in 1..=NODES {
            nodes.does("back", node).await;
        }
        nodes
    }

    /// Makes a quorum queue; returns its destination.
    async fn queue(&self) -> String {
        self.makes("quorum").await
    }

    /// Makes a stream; returns its destination.
    async fn stream(&self) -> String {
        self.makes("stream").await
    }

    async fn makes(&self, kind: &'static str) -> String {
        let number = QUEUES.fetch_add(1, Ordering::Relaxed);
        let destination = format!("/amq/queue/test{number}");
        self.declare(&destination, kind).await;
        destination
    }

    async fn declare(&self, destination: &str, kind: &'static str) {
        let destination = destination.to_owned();
        let declared = on(async move |cluster| cluster.declare(&[(&destination, kind)]).await);
        declared.await.unwrap();
    }

    /// Asks `rabbitmqctl`.
    async fn control(&self, words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let asked = on(async move |cluster| {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            cluster.control(&words).await
        });
        asked.await.unwrap()
    }

    /// Lets the login do everything.
    async fn allow_all(&self) {
        self.control(&["set_permissions", "-p", "/", LOGIN, ".*", ".*", ".*"])
            .await;
    }

    /// Does something to a node: `kill`, `hang` or `back`.
    async fn does(&self, what: &'static str, node: usize) {
        let done = on(async move |cluster| match what {
            "kill" => cluster.kill(node).await,
            "hang" => cluster.hang(node).await,
            _ => cluster.back(node).await,
        });
        done.await.unwrap();
    }

    /// The node of the one connection. While a channel of one that has just ended does not answer, the list is a
    /// time-out.
    async fn of_connection(&self) -> usize {
        eventually("a node has the connection", SOON, async || {
            let channels = self.control(&["list_channels", "pid"]).await;
            (1..=NODES).find(|node| channels.contains(&format!("<heartwire{node}@")))
        })
        .await
    }

    /// The node that leads a queue.
    async fn leader(&self, queue: &str) -> usize {
        let name = queue.rsplit('/').next().unwrap();
        let queues = self.control(&["list_queues", "name", "leader"]).await;
        let mut rows = queues.lines().map(|line| line.split_once('\t').unwrap());
        let (_, leader) = rows.find(|(queue, _)| *queue == name).unwrap();
        let node = (1..=NODES).find(|node| leader.starts_with(&format!("heartwire{node}@")));
        node.unwrap_or_else(|| panic!("no leader: {queues}"))
    }

    /// Another client, at the balancer.
    async fn peer(&self) -> Peer {
        let url = on(async |cluster| cluster.url()).await;
        Peer::connect(&url).await.unwrap()
    }

    /// The page, with the passcode still to be entered.
    async fn page(&self, browser: Browser, query: &str) -> Visit {
        let url = on(async |cluster| cluster.url()).await;
        let kind = if query.contains("queue_type") {
            ""
        } else {
            "&queue_type=quorum"
        };
        let query = format!(
            "protocol=stomp&url={url}&login={LOGIN}&{query}{kind}&{QUICK}&resend=every&autoconnect=false&lang=en"
        );
        Visit::with(browser, &[], &query).await
    }

    /// The page in Chromium, connected.
    async fn opens(&self, query: &str) -> Visit {
        let visit = self.visit(Browser::Chromium, query).await;
        visit.reaches(&["open"]).await;
        visit
    }

    /// The page, logged in.
    async fn visit(&self, browser: Browser, query: &str) -> Visit {
        let visit = self.page(browser, query).await;
        logs_in(&visit, PASSCODE).await;
        visit
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        // Nobody knows what is left of it.
        if std::thread::panicking() {
            let ended = std::thread::spawn(|| drop(CLUSTER.blocking_lock().take()));
            let _ = ended.join();
        }
    }
}

/// Does something with the cluster.
async fn on<T: Send + 'static>(work: impl AsyncFnOnce(&mut Cluster) -> T + Send + 'static) -> T {
    off_duty(async move || {
        let mut cluster = CLUSTER.lock().await;
        work(cluster.as_mut().expect("it runs")).await
    })
    .await
}

/// Works in the runtime that outlives the test.
async fn off_duty<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let worked = tokio::task::spawn_blocking(move || RUNTIME.block_on(work()));
    worked.await.unwrap()
}
