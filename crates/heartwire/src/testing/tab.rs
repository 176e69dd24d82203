//! A tab without a browser.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::ready,
    rc::{Rc, Weak},
    task::{Context, Waker},
};

use crate::kept::{Document, Life, Tab, Task};

/// A document of a tab.
pub(crate) struct Page {
    storage: Rc<Storage>,
    origin: Rc<Origin>,
    life: Cell<Life>,
    watch: RefCell<Option<Watch>>,
    /// What was not run to its end yet, as long as tasks are held.
    held: RefCell<Option<Vec<Task<()>>>>,
}

/// Who is told how the document is.
type Watch = Rc<dyn Fn(Life)>;

/// What one tab has, or all of them.
type Storage = RefCell<BTreeMap<String, String>>;

/// What all tabs see.
#[derive(Default)]
struct Origin {
    storage: Storage,
    locks: RefCell<Vec<Weak<str>>>,
    secrets: Cell<u32>,
    /// Whether its storage has no room for more.
    is_full: Cell<bool>,
}

impl Page {
    fn of(storage: Rc<Storage>, origin: &Rc<Origin>) -> Self {
        Self {
            storage,
            origin: Rc::clone(origin),
            life: Cell::new(Life::Shown),
            watch: RefCell::default(),
            held: RefCell::default(),
        }
    }

    /// The next document of the tab.
    pub(crate) fn next(&self) -> Rc<Self> {
        let next = Self::of(Rc::clone(&self.storage), &self.origin);
        next.hold_tasks(self.held.borrow().is_some());
        Rc::new(next)
    }

    /// Has tasks wait from now on, or run, those that waited first.
    pub(crate) fn hold_tasks(&self, holds: bool) {
        let held = self.held.replace(holds.then(Vec::new));
        for task in held.into_iter().flatten() {
            self.run(task);
        }
    }

    /// A document of another tab, which is made as a copy of this one.
    #[cfg(test)]
    pub(crate) fn duplicate(&self) -> Rc<Self> {
        let storage = self.storage.borrow().clone();
        Rc::new(Self::of(Rc::new(RefCell::new(storage)), &self.origin))
    }

    /// Leaves no more room in what all tabs see.
    #[cfg(test)]
    pub(crate) fn fill_origin(&self) {
        self.origin.is_full.set(true);
    }

    /// The names of the locks that are held.
    pub(crate) fn held(&self) -> String {
        let locks = self.origin.locks.borrow();
        let held: Vec<_> = locks.iter().filter_map(Weak::upgrade).collect();
        held.join("\n")
    }

    /// Has the document be so.
    pub(crate) fn turn(&self, life: Life) {
        self.life.set(life);
        let watch = self.watch.borrow().clone();
        if let Some(watch) = watch {
            watch(life);
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::of(Rc::default(), &Rc::default())
    }
}

impl Tab for Page {
    fn kept(&self, name: &str) -> Option<String> {
        self.storage.borrow().get(name).cloned()
    }

    fn keep(&self, name: &str, text: &str) -> bool {
        put(&self.storage, name, text);
        true
    }

    fn names(&self) -> Vec<String> {
        self.storage.borrow().keys().cloned().collect()
    }

    fn shared(&self, name: &str) -> Option<String> {
        self.origin.storage.borrow().get(name).cloned()
    }

    fn share(&self, name: &str, text: &str) -> bool {
        let room = self.shared(name).map_or(0, |before| before.len());
        let has_room = !self.origin.is_full.get() || text.len() <= room;
        if has_room {
            put(&self.origin.storage, name, text);
        }
        has_room
    }

    fn secret(&self) -> String {
        let number = self.origin.secrets.get();
        self.origin.secrets.set(number + 1);
        format!("{number:032x}")
    }

    fn lock(&self, name: &str) -> Option<Box<dyn Any>> {
        let lock: Rc<str> = name.into();
        self.origin.locks.borrow_mut().push(Rc::downgrade(&lock));
        Some(Box::new(lock))
    }

    fn locks(&self) -> Task<String> {
        Box::pin(ready(self.held()))
    }
}

impl Document for Page {
    fn address(&self, url: &str) -> String {
        url.into()
    }

    fn life(&self) -> Life {
        self.life.get()
    }

    fn watch(&self, turn: Box<dyn Fn(Life)>) -> Box<dyn Any> {
        self.watch.replace(Some(turn.into()));
        Box::new(())
    }

    fn run(&self, mut task: Task<()>) {
        if let Some(held) = &mut *self.held.borrow_mut() {
            held.push(task);
            return;
        }
        // Nothing here takes time.
        let _ = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
}

fn put(storage: &Storage, name: &str, text: &str) {
    let mut storage = storage.borrow_mut();
    if text.is_empty() {
        storage.remove(name);
    } else {
        storage.insert(name.into(), text.into());
    }
}
