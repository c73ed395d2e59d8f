//! Masking in place, without anything around it.

use std::hint::black_box;

use crate::floor::mask_u64;
use crate::grid::{self, Entry, Goal, Side};
use crate::measure::{Local, Plan};

const SIZES: [usize; 8] = [8, 32, 61, 125, 256, 1024, 16 * 1024, 1024 * 1024];

/// How far behind a multiple of 64 the data begin: as a payload lies after headers of some lengths.
const PHASES: [usize; 4] = [0, 1, 6, 8];

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let plan = Plan { turn: plan.turn / 3, ..plan };
    let mut text = String::from(HEAD);
    for phase in PHASES {
        let table = grid::measure(&SIZES, plan, &GOALS, |size| entries(phase, size));
        text += &format!("\n### {phase} bytes behind a multiple of 64\n\n{table}");
    }
    text
}

const HEAD: &str = "Data are masked in place, over and over. Nanoseconds. The floors are one loop over `u64`, as the compiler makes it of
what every x86-64 has (SSE2), and of AVX2. The functions of the peers that are not listed here are private.
";

const OURS: &str = "frame::mask";

const GOALS: [Goal; 2] = [
    Goal { how: OURS, against: Side::Floor, like: None, at_most: |_| Some(1.15) },
    Goal { how: OURS, against: Side::Peer, like: None, at_most: |_| None },
];

fn entries(phase: usize, size: usize) -> Vec<Entry> {
    let case = (phase, size);
    let mut entries = vec![
        entry(case, "floor", "u64, SSE2", mask_u64),
        entry(case, "hybi", OURS, hybi::frame::mask),
        entry(case, "fastwebsockets", "unmask", fastwebsockets::unmask),
        entry(case, "yawc", "mask::apply_mask", yawc::mask::apply_mask),
        entry(case, "sockudo-ws", "mask::apply_mask", sockudo_ws::mask::apply_mask),
    ];
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        entries.insert(
            1,
            entry(case, "floor", "u64, AVX2", |data, key| unsafe { mask_avx2(data, key) }),
        );
    }
    entries
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn mask_avx2(data: &mut [u8], key: [u8; 4]) {
    mask_u64(data, key);
}

fn entry(
    (phase, size): (usize, usize),
    name: &'static str,
    how: &'static str,
    mask: impl Fn(&mut [u8], [u8; 4]) + 'static,
) -> Entry {
    let mut memory = vec![0; size + 64 + phase];
    let start = memory.as_ptr().align_offset(64) + phase;
    mask(&mut memory[start..start + size], KEY);
    let is_masked = (0..size).all(|i| memory[start + i] == KEY[i % 4]);
    assert!(is_masked, "{name} masks");
    let contender =
        Local::new(move |_| mask(black_box(&mut memory[start..start + size]), black_box(KEY)));
    Entry { side: Side::of(name), name, how, batch: 1, contender: Box::new(contender) }
}
