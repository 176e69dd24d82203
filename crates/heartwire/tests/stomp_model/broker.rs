//! The broker, and what it says to what it reads.

use heartwire::core::{connection::Epoch, stomp::frame};

use crate::{Answer, Item, Page, Phase, Place, Receipt, Sent, Socket, Step, Stored, World};

impl World {
    pub(crate) fn store(&mut self, sent: &Sent) {
        self.stored.push(Stored {
            number: sent.number,
            name: sent.name.clone(),
            place: Place::InQueue,
        });
    }

    /// What can happen to a socket and beyond it.
    pub(crate) fn add_steps(&self, socket: &Socket, page: &Page, steps: &mut Vec<Step>) {
        match socket.phase {
            Phase::Connecting => steps.push(Step::Accepts),
            Phase::Open => {}
            Phase::Broken => {
                steps.push(Step::TellsEnd);
                return;
            }
        }
        let may_fail = self.left.faults > 0;
        if !socket.back.is_empty() {
            steps.push(Step::Arrives);
        }
        match socket.wire.first() {
            Some(Item::Connect) => {
                steps.push(Step::Greets);
                if may_fail {
                    steps.push(Step::RefusesLogin);
                }
            }
            Some(Item::Subscribe { .. }) => steps.push(Step::Subscribes),
            Some(Item::Send(_)) => steps.push(Step::Stores),
            Some(Item::Ack { .. }) => steps.push(Step::LetsGo),
            None => {}
        }
        if page.gives_receipts {
            steps.extend((0..socket.owed.len()).map(Step::Receipts));
        }
        if socket.is_subscribed {
            let mut stored = self.stored.iter().enumerate();
            steps.extend(stored.find_map(|(index, stored)| {
                match stored.place {
                    Place::InQueue => Some(Step::Delivers(index)),
                    Place::Delivered(_) => self
                        .may_redeliver(stored)
                        .then_some(Step::Redelivers(index)),
                    Place::Acknowledged => None,
                }
            }));
        }
        if may_fail {
            steps.push(Step::Breaks);
        }
    }

    /// The broker reads what the page has said.
    pub(crate) fn read(&mut self, item: Item, step: Step, socket: &mut Socket) {
        match item {
            Item::Connect => socket.back.push(if step == Step::Greets {
                Answer::Connected
            } else {
                Answer::Refusal
            }),
            Item::Subscribe { receipt } => {
                socket.is_subscribed = true;
                socket.owed.push(Receipt {
                    id: receipt,
                    number: None,
                });
            }
            Item::Send(sent) => {
                self.store(&sent);
                socket.owed.push(Receipt {
                    id: sent.receipt,
                    number: Some(sent.number),
                });
            }
            Item::Ack { id } => {
                for (index, stored) in self.stored.iter_mut().enumerate() {
                    if id == ack_of(socket.epoch, index) {
                        stored.place = Place::Acknowledged;
                    }
                }
            }
        }
    }

    /// The frame that the broker sends.
    pub(crate) fn text_of(&self, answer: &Answer, epoch: Epoch) -> String {
        match answer {
            Answer::Connected => "CONNECTED\nversion:1.2\n\n\0\n".into(),
            Answer::Refusal => "ERROR\nmessage:Bad CONNECT\n\n\0\n".into(),
            Answer::Receipt(receipt) => frame::write("RECEIPT", &[("receipt-id", &receipt.id)], ""),
            Answer::Message(index) => {
                let Stored { number, name, .. } = &self.stored[*index];
                let headers = [("ack", &*ack_of(epoch, *index)), ("x-heartwire-id", name)];
                frame::write("MESSAGE", &headers, &number.to_string())
            }
        }
    }

    pub(crate) fn may_redeliver(&self, stored: &Stored) -> bool {
        let Place::Delivered(epoch) = stored.place else {
            return false;
        };
        self.epochs.last() != Some(&epoch)
    }
}

impl Socket {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            phase: Phase::Connecting,
            wire: Vec::new(),
            is_subscribed: false,
            is_ready: false,
            owed: Vec::new(),
            back: Vec::new(),
        }
    }
}

impl Item {
    pub(crate) fn read(text: &str) -> Self {
        // Nothing but the server is shown its frame.
        if text == "CONNECT" {
            return Self::Connect;
        }
        let Ok(Some((frame::Item::Frame(frame), ""))) = frame::split(text) else {
            panic!("no frame: {text:?}");
        };
        let header = |name| frame.header(name).unwrap().to_owned();
        match frame.command {
            "SUBSCRIBE" => Self::Subscribe {
                receipt: header("receipt"),
            },
            "SEND" => Self::Send(Sent {
                number: frame.body.parse().unwrap(),
                receipt: header("receipt"),
                name: header("x-heartwire-id"),
            }),
            "ACK" => Self::Ack { id: header("id") },
            command => panic!("{command} is never sent"),
        }
    }
}

/// What acknowledges a stored message that this connection brings.
pub(crate) fn ack_of(epoch: Epoch, index: usize) -> String {
    format!("{}@{index}", epoch.number())
}
