//! Hooks and a provider for [Yew](https://yew.rs) 0.23.
//!
//! Hooks return values, and a component is drawn only when the value that it uses is another one. On a
//! server that renders, a client stays [`Status::Idle`]: it is opened by an effect, and the first drawing in
//! the browser equals the server's.

use std::{cell::Cell, rc::Rc};

use yew::{html::IntoPropValue, prelude::*};

use crate::{Client, Endpoint, Event, Fate, Message, Options, Receipt, Status, Target};

/// A connection of this component's own, with the defaults, while it is mounted and the target is equal.
/// With another target there is another connection: [`Client::set_target`] keeps what waits.
#[hook]
pub fn use_heartwire(target: impl Into<Target>) -> Client {
    use_heartwire_with(target, Options::new())
}

/// [`use_heartwire`] with options; with other options there is another connection, too, and what waits goes with the
/// one before. A [`Target::asked`]
/// wants `use_memo`: one made anew is another target.
#[hook]
pub fn use_heartwire_with(target: impl Into<Target>, options: Options) -> Client {
    let client = use_memo((target.into(), options), |(target, options)| {
        Client::new(target.clone(), options.clone())
    });
    let client = (*client).clone();
    use_effect_with(client.clone(), |client| {
        client.open();
        let client = client.clone();
        move || client.close()
    });
    client
}

/// What [`Provider`] is given.
#[derive(Clone, Debug, PartialEq, Properties)]
pub struct ProviderProps {
    /// Where to connect.
    pub target: Target,
    /// How the connection behaves.
    #[prop_or_default]
    pub options: Options,
    /// Who shares it.
    pub children: Html,
}

/// One connection for all components below, which have it by [`use_client`].
#[component]
pub fn Provider(props: &ProviderProps) -> Html {
    let client = use_heartwire_with(props.target.clone(), props.options.clone());
    html! { <ContextProvider<Client> context={client}>{ props.children.clone() }</ContextProvider<Client>> }
}

/// The [`Provider`]'s client. It never draws the component.
///
/// # Panics
///
/// Without a [`Provider`] above.
#[hook]
pub fn use_client() -> Client {
    let client = use_context::<Client>();
    client.expect("use_client() wants a heartwire::yew::Provider above the component")
}

/// What `select` finds of the client; draws the component when that is another value.
#[hook]
pub fn use_value<T>(client: &Client, select: impl Fn(&Client) -> T + 'static) -> T
where
    T: Clone + PartialEq + 'static,
{
    let value = select(client);
    let shown = use_mut_ref(|| value.clone());
    shown.replace(value.clone());
    let newest = use_mut_ref(|| None::<Rc<dyn Fn(&Client) -> T>>);
    newest.replace(Some(Rc::new(select)));
    let update = use_force_update();
    use_effect_with(client.clone(), move |client| {
        let own = client.clone();
        let look = move || {
            let select = newest.borrow().clone();
            let value = select.map(|select| select(&own));
            if let Some(value) = value
                && *shown.borrow() != value
            {
                shown.replace(value);
                update.force_update();
            }
        };
        // Something may have happened since it was drawn.
        look();
        let subscription = client.subscribe(move |_| look());
        move || drop(subscription)
    });
    value
}

/// What the connection is doing.
#[hook]
pub fn use_status(client: &Client) -> Status {
    use_value(client, Client::status)
}

/// The last message, for display: drawn at once, but at most once a frame, of which there are few or none in
/// a tab that nobody sees. Of several in a frame the last is shown; [`use_messages`] hears all.
#[hook]
pub fn use_last_message(client: &Client) -> Option<Rc<Message>> {
    let last = use_mut_ref(|| None::<(Client, Rc<Message>)>);
    let is_drawn = use_memo((), |()| Cell::new(true));
    let update = use_force_update();
    let (taken, left) = (Rc::clone(&last), Rc::clone(&last));
    let drawn = Rc::clone(&is_drawn);
    use_effect_with(client.clone(), move |client| {
        let frames = Rc::new(Frames {
            update,
            is_drawn: Rc::clone(&drawn),
            #[cfg(target_arch = "wasm32")]
            awaited: std::cell::RefCell::default(),
        });
        let own = client.clone();
        let subscription = client.subscribe(move |event| {
            if let Event::Message(message) = event {
                taken.replace(Some((own.clone(), Rc::new(message.clone()))));
                drawn.set(false);
                frames.draw();
            }
        });
        move || {
            drop(subscription);
            // It holds a handle, without which its client may end.
            drop(left.take());
        }
    });
    is_drawn.set(true);
    let last = last.borrow();
    // Another client's is none.
    let own = last.as_ref().filter(|(other, _)| other == client);
    own.map(|(_, message)| Rc::clone(message))
}

/// Calls `take` with every message, in order. It draws nothing by itself.
#[hook]
pub fn use_messages(client: &Client, take: impl Fn(&Message) + 'static) {
    let newest = use_mut_ref(|| None::<Rc<dyn Fn(&Message)>>);
    newest.replace(Some(Rc::new(take)));
    use_effect_with(client.clone(), move |client| {
        let subscription = client.subscribe(move |event| {
            if let Event::Message(message) = event {
                let take = newest.borrow().clone();
                if let Some(take) = take {
                    take(message);
                }
            }
        });
        move || drop(subscription)
    });
}

/// What became of a message, for a tick beside it: see [`Receipt::fate`].
#[hook]
pub fn use_fate(receipt: &Receipt) -> Option<Fate> {
    let fate = receipt.fate();
    let update = use_force_update();
    use_effect_with(receipt.clone(), move |receipt| {
        // Something may have become of it since it was drawn.
        if receipt.fate() != fate {
            update.force_update();
        }
        let watch = receipt.watch(move || update.force_update());
        move || drop(watch)
    });
    fate
}

impl IntoPropValue<Target> for &str {
    fn into_prop_value(self) -> Target {
        self.into()
    }
}

impl IntoPropValue<Target> for String {
    fn into_prop_value(self) -> Target {
        self.into()
    }
}

impl IntoPropValue<Target> for Endpoint {
    fn into_prop_value(self) -> Target {
        self.into()
    }
}

/// Draws a component at once, but no more than once a frame.
struct Frames {
    update: UseForceUpdateHandle,
    /// Whether what is to be drawn is.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "there are no frames")
    )]
    is_drawn: Rc<Cell<bool>>,
    #[cfg(target_arch = "wasm32")]
    awaited: std::cell::RefCell<Option<gloo_render::AnimationFrame>>,
}

impl Frames {
    #[cfg(target_arch = "wasm32")]
    fn draw(self: &Rc<Self>) {
        if self.awaited.borrow().is_none() {
            self.update.force_update();
            self.await_next(true);
        }
    }

    /// No effect runs where there are no frames.
    #[cfg(not(target_arch = "wasm32"))]
    fn draw(&self) {
        self.update.force_update();
    }

    /// Waits for the end of this frame, and draws with the next one what has come meanwhile; with this
    /// one, if nothing was drawn in it yet.
    #[cfg(target_arch = "wasm32")]
    fn await_next(self: &Rc<Self>, has_drawn: bool) {
        let this = Rc::downgrade(self);
        let frame = gloo_render::request_animation_frame(move |_| {
            let Some(this) = this.upgrade() else {
                return;
            };
            this.awaited.take();
            if this.is_drawn.get() {
                return;
            }
            if has_drawn {
                this.await_next(false);
            } else {
                this.update.force_update();
            }
        });
        self.awaited.replace(Some(frame));
    }
}
