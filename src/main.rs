//! The page.

#[cfg(target_arch = "wasm32")]
fn main() {
    heartwire::web::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("heartwire is a page: run `cargo xtask serve`");
}
