//! soketto's rounds of compression, in a program of their own: see `c-zlib` in `Cargo.toml`.
//!
//! It says how many bytes a message takes on the wire, then, for each number that it reads, how many nanoseconds so
//! many messages took.

use hybi_peers::deflate::{contender, soketto, verify};
use hybi_peers::measure::Contender;
use hybi_peers::messages::json;

fn main() {
    let size = std::env::args().nth(1).and_then(|size| size.parse().ok()).expect("a size");
    let messages = json(size);
    let mut pair = soketto::Pair::default();
    println!("{}", verify(&mut pair, &messages));
    let mut contender = contender(pair, &messages);
    for order in std::io::stdin().lines() {
        let count = order.expect("readable").parse().expect("a number");
        println!("{}", contender.run(count).as_nanos());
    }
}
