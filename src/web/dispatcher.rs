//! The order in which things happen to the page.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::{Rc, Weak},
};

use yew::Callback;

use super::{
    app::Props,
    model::{Model, Msg},
};

/// Has the model take what happens, each thing at once and after what happened before.
///
/// Yew's own queue takes it a microtask later, which is a sixth of what a message of a flood costs in
/// script; and once it was busy for 16 ms, after a timer, which a page that is left may never get.
pub(super) struct Dispatcher {
    model: RefCell<Model>,
    waiting: RefCell<VecDeque<Msg>>,
    draw: Callback<()>,
}

impl Dispatcher {
    /// Starts a page that asks to be drawn.
    pub(super) fn start(props: Props, draw: Callback<()>) -> Rc<Self> {
        let dispatcher = Rc::new_cyclic(|this: &Weak<Self>| {
            let this = this.clone();
            let emit = Callback::from(move |msg| {
                if let Some(dispatcher) = this.upgrade() {
                    dispatcher.take(msg);
                }
            });
            Self {
                model: RefCell::new(Model::new(props, emit)),
                waiting: RefCell::default(),
                draw,
            }
        });
        dispatcher.model.borrow_mut().start();
        // The first drawing shows it, too.
        dispatcher.go_on();
        dispatcher
    }

    /// Lends the model; what happens meanwhile comes after.
    pub(super) fn lend<T>(&self, work: impl FnOnce(&mut Model) -> T) -> T {
        let done = work(&mut self.model.borrow_mut());
        self.go_on_and_draw();
        done
    }

    fn take(&self, msg: Msg) {
        self.waiting.borrow_mut().push_back(msg);
        self.go_on_and_draw();
    }

    fn go_on_and_draw(&self) {
        if self.go_on() {
            self.draw.emit(());
        }
    }

    /// Has the model take what waits, unless it is lent; returns whether that is to be drawn.
    fn go_on(&self) -> bool {
        let mut draws = false;
        while let Ok(mut model) = self.model.try_borrow_mut()
            && let Some(msg) = self.next()
        {
            draws |= model.update(msg);
        }
        draws
    }

    fn next(&self) -> Option<Msg> {
        self.waiting.borrow_mut().pop_front()
    }
}
