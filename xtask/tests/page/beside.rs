//! What the machine adds to what a test waits for.

use std::time::Duration;

use super::server::{Manner, Server};
use super::visit::Visit;

/// A bare timer in the same page, which sends over a socket of its own: what holds it up is the machine.
pub(crate) struct Beside(Server);

impl Beside {
    pub(crate) async fn start(visit: &Visit) -> Self {
        let server = Server::start(Manner::Silent);
        let ticks = format!(
            "const socket = new WebSocket('{server}');
             socket.onopen = () => setInterval(() => socket.send('tick'), {});",
            TICK.as_millis()
        );
        visit.evaluate(&ticks).await;
        server.until("it ticks", |_| server.heard() > 0).await;
        Self(server)
    }

    /// How much later than it was due anything came.
    pub(crate) fn lag(&self) -> Duration {
        let connections = self.0.connections();
        let ticking = &connections[0];
        let since = ticking.frames.last().unwrap().at.elapsed();
        let longest = ticking.gaps().into_iter().chain([since]).max().unwrap();
        longest.saturating_sub(TICK)
    }
}

const TICK: Duration = Duration::from_millis(50);
