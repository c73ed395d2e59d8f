//! Compression: a JSON message from a server to a client, compressed, sent, inflated and told, beside zlib-rs
//! alone.
//!
//! `zlib-rs` is the floor: the same settings over the same data, no frames, no limits, no checks but that of the text.
//! The peers have the memory level of zlib's default, 8; so does hybi here, and once more its own default, 5.

mod hybi;
mod sockudo;
#[cfg(feature = "c-zlib")]
pub mod soketto;
mod worker;
mod wtx;
mod yawc;
mod zlib;

use std::fmt::Write;
use std::hint::black_box;

use ::bytes::Bytes;

use crate::measure::{Contender, Local, Plan, Samples, compare};
use crate::messages::json;
use crate::table::Table;

/// The level that all use who can choose: hybi's default.
const LEVEL: u8 = 3;
const SIZES: [usize; 3] = [64, 1024, 16 * 1024];

/// Whether a message may refer to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Kept,
    Reset,
}

/// Two ends in memory.
pub trait RoundTrip {
    /// Sends a message and calls `told` with what has arrived; returns how many bytes were on the wire.
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize;
}

/// A contender and what the table says of it.
struct Entry {
    name: &'static str,
    settings: String,
    /// Bytes on the wire, a message.
    wire: usize,
    contender: Box<dyn Contender>,
}

/// Where a contender's floor stands among the entries.
const FLOOR: usize = 0;
const LIGHT_FLOOR: usize = 1;
const LIGHT: usize = 3;
/// The first peer.
const PEERS: usize = 4;

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let mut text = String::from(HEAD);
    let mut losses = String::new();
    for (context, title) in
        [(Context::Kept, "With context takeover"), (Context::Reset, "Without context takeover")]
    {
        let columns: Vec<_> = SIZES.iter().map(|size| measure(*size, context, plan)).collect();
        let mut table = Table::new(&["", "settings"]);
        for size in SIZES {
            table.head(&[&format!("{size} B, ns"), "x floor", "wire, B"]);
        }
        for i in 0..columns[0].0.len() {
            let entry = &columns[0].0[i];
            let mut row = vec![entry.name.to_owned(), entry.settings.clone()];
            for (entries, samples) in &columns {
                row.push(format!("{:.0}", samples[i].nanos()));
                row.push(format!("{:.2}", samples[i].over(&samples[floor_of(i)])));
                row.push(entries[i].wire.to_string());
            }
            table.row(row);
        }
        write!(text, "\n### {title}\n\n{table}").expect("a string takes all");
        for (size, (entries, samples)) in SIZES.iter().zip(&columns) {
            note_losses(
                &mut losses,
                &format!("{size} B, {}", title.to_lowercase()),
                entries,
                samples,
            );
        }
    }
    if losses.is_empty() {
        losses.push_str("Nowhere: within 1.10 of the floor and below every peer at each size.\n");
    }
    write!(text, "\n### Where hybi loses\n\n{losses}").expect("a string takes all");
    text
}

const HEAD: &str = "A JSON message from a server to a client in memory: compressed, framed, parsed, inflated, checked as UTF-8 and told.
`zlib-rs` is the floor: the same settings over the same data, no frames, no limits; `x floor` is against the one with
the same memory level. Windows are of 15 bits, and thresholds below which messages go as they are have been set to 0.
";

fn measure(size: usize, context: Context, plan: Plan) -> (Vec<Entry>, Vec<Samples>) {
    let messages = json(size);
    let mut entries = vec![
        local("zlib-rs", 8, "floor", zlib::Floor::new(8, context), &messages),
        local("zlib-rs", 5, "floor", zlib::Floor::new(5, context), &messages),
        local("hybi", 8, "two connections", hybi::Pair::new(8, context), &messages),
        local("hybi", 5, "two connections, default", hybi::Pair::new(5, context), &messages),
        local("yawc", 8, "two connections over a pipe", yawc::Pair::new(context), &messages),
        local("sockudo-ws", 8, "two protocols, no I/O", sockudo::Pair::new(context), &messages),
    ];
    // They know no other way than to forget all after each message.
    if context == Context::Reset {
        let how = "two connections over a pipe";
        entries.push(local("wtx", 8, how, wtx::Pair::new(), &messages));
        entries.extend(worker::entry(size));
    }
    let mut contenders: Vec<&mut dyn Contender> =
        entries.iter_mut().map(|entry| &mut *entry.contender as _).collect();
    let samples = compare(&mut contenders, plan);
    (entries, samples)
}

fn local(
    name: &'static str,
    mem_level: u8,
    how: &str,
    mut pair: impl RoundTrip + 'static,
    messages: &[Bytes],
) -> Entry {
    let wire = verify(&mut pair, messages);
    let settings = format!("level {LEVEL}, memory {mem_level}; {how}");
    Entry { name, settings, wire, contender: Box::new(contender(pair, messages)) }
}

/// Sees that each message arrives as it was sent, twice over; returns the mean size on the wire.
pub fn verify(pair: &mut impl RoundTrip, messages: &[Bytes]) -> usize {
    let mut wire = 0;
    for message in messages.iter().chain(messages) {
        let mut arrived = 0;
        wire += pair.round(message, &mut |told| {
            assert_eq!(told, message, "what arrives is what was sent");
            arrived += 1;
        });
        assert_eq!(arrived, 1, "one message arrives for one sent");
    }
    wire / (2 * messages.len())
}

/// A contender that sends the messages in turn.
pub fn contender<P: RoundTrip>(mut pair: P, messages: &[Bytes]) -> impl Contender + use<P> {
    let messages = messages.to_vec();
    Local::new(move |i| {
        let message = &messages[i % messages.len()];
        let mut len = 0;
        pair.round(black_box(message), &mut |told| len += black_box(told).len());
        assert_eq!(len, message.len());
    })
}

fn floor_of(i: usize) -> usize {
    if i == LIGHT || i == LIGHT_FLOOR { LIGHT_FLOOR } else { FLOOR }
}

fn note_losses(text: &mut String, place: &str, entries: &[Entry], samples: &[Samples]) {
    for ours in PEERS - 2..PEERS {
        let settings = &entries[ours].settings;
        let over = samples[ours].over(&samples[floor_of(ours)]);
        if over > 1.1 {
            writeln!(text, "- {place}: {over:.2} of the floor ({settings})").expect("a string");
        }
        for peer in PEERS..entries.len() {
            let over = samples[ours].over(&samples[peer]);
            if over > 1.0 {
                let name = entries[peer].name;
                writeln!(text, "- {place}: {over:.2} of {name} ({settings})").expect("a string");
            }
        }
    }
}
