//! The shipped rules are part of the binary: when one changes, the crate is compiled again.

fn main() {
    println!("cargo:rerun-if-changed=../../rules");
}
