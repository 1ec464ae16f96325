//! What all servers of an alliance must agree on besides keys and policy.

use crate::fields::Fields;
use crate::mistake::Mistake;
use ally_codec::{Encode, Writer};
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Paces and sizes that all servers of an alliance share. Every value is within its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    values: [u64; COUNT],
}

/// A parameter: its name in the document, its range, its default, and what it is for.
struct Parameter {
    name: &'static str,
    range: RangeInclusive<u64>,
    default: u64,
    what: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const COUNT: usize = 7;

/// The least that a batch may be limited to: the longest command (1 MiB) fits, with its nonce and
/// what a batch has around it. A smaller limit would make clients' commands fail that every server
/// of every other alliance takes.
const BATCH_BYTES_MIN: u64 = MIB + KIB;
/// The most that a block may be limited to: it has to fit into a message to a client.
const BLOCK_BYTES_MAX: u64 = 32 * MIB;

/// In the order of the encoding.
const TABLE: [Parameter; COUNT] = [
    Parameter {
        name: "timeout_ms",
        range: 10..=600_000,
        default: 1000,
        what: "how long work may wait before the leader is replaced",
    },
    Parameter {
        name: "timeout_ms_max",
        range: 10..=3_600_000,
        default: 60_000,
        what: "where doubling that time ends while leaders keep failing",
    },
    Parameter {
        name: "window_blocks",
        range: 1..=1024,
        default: 64,
        what: "blocks a leader may propose past the last decided one",
    },
    Parameter {
        name: "window_bytes",
        range: MIB..=1024 * MIB,
        default: 64 * MIB,
        what: "bytes of these blocks",
    },
    Parameter {
        name: "block_bytes",
        range: BATCH_BYTES_MIN..=BLOCK_BYTES_MAX,
        // Four full batches: one of each of four servers under load.
        default: 4 * BATCH_BYTES_MIN,
        what: "bytes of the batches in one block",
    },
    Parameter {
        name: "batch_bytes",
        range: BATCH_BYTES_MIN..=4 * MIB,
        default: BATCH_BYTES_MIN,
        what: "bytes of one batch; a command has to fit into one",
    },
    Parameter {
        name: "undecided_bytes",
        range: 2 * BATCH_BYTES_MIN..=1024 * MIB,
        default: 16 * MIB,
        what: "bytes of one server's batches that may wait for a decision",
    },
];

/// The parameters' names.
pub(crate) const KEYS: [&str; COUNT] = {
    let mut names = [""; COUNT];
    let mut index = 0;
    while index < COUNT {
        names[index] = TABLE[index].name;
        index += 1;
    }
    names
};

impl Default for Parameters {
    fn default() -> Self {
        Self { values: std::array::from_fn(|index| TABLE[index].default) }
    }
}

impl Parameters {
    /// The base timeout of a view, in milliseconds.
    pub fn timeout_ms(&self) -> u64 {
        self.values[0]
    }

    /// The cap of a view's timeout, in milliseconds; at least [`Parameters::timeout_ms`].
    pub fn timeout_ms_max(&self) -> u64 {
        self.values[1]
    }

    /// How many blocks a leader may propose past the last decided one.
    pub fn window_blocks(&self) -> u64 {
        self.values[2]
    }

    /// How many bytes these blocks may have; at least [`Parameters::block_bytes`].
    pub fn window_bytes(&self) -> u64 {
        self.values[3]
    }

    /// How many bytes the batches of one block may have; at least [`Parameters::batch_bytes`].
    pub fn block_bytes(&self) -> u64 {
        self.values[4]
    }

    /// How many bytes one batch may have.
    pub fn batch_bytes(&self) -> u64 {
        self.values[5]
    }

    /// How many bytes of one server's batches may wait for a decision; at least two batches.
    pub fn undecided_bytes(&self) -> u64 {
        self.values[6]
    }

    /// The same parameters with another base timeout in milliseconds, held within its range; the cap
    /// follows if it has to.
    #[must_use]
    pub fn with_timeout_ms(mut self, timeout_ms: u64) -> Self {
        let range = &TABLE[0].range;
        self.values[0] = timeout_ms.clamp(*range.start(), *range.end());
        self.values[1] = self.values[1].max(self.values[0]);
        self
    }

    pub(super) fn read(document: &Fields<'_>) -> Result<Self, Mistake> {
        let Some(fields) = document.table("parameters", &KEYS)? else {
            return Ok(Self::default());
        };
        let mut parameters = Self::default();
        for (value, parameter) in parameters.values.iter_mut().zip(&TABLE) {
            *value = fields.number(parameter.name, parameter.range.clone(), parameter.default)?;
        }
        parameters.check(&fields)?;
        Ok(parameters)
    }

    /// What must hold between parameters.
    fn check(&self, fields: &Fields<'_>) -> Result<(), Mistake> {
        let at_least = |large: usize, times: u64, small: usize| {
            if self.values[large] >= times * self.values[small] {
                return Ok(());
            }
            let what = if times == 1 { String::new() } else { format!("{times} times ") };
            let (large, small) = (&TABLE[large], &TABLE[small]);
            // The mark goes under the one that was written, if only one was.
            let key = if fields.has(large.name) { large.name } else { small.name };
            let reason = format!("`{}` has to be at least {what}`{}`", large.name, small.name);
            Err(fields.bad(key, reason))
        };
        at_least(1, 1, 0)?;
        at_least(3, 1, 4)?;
        at_least(4, 1, 5)?;
        at_least(6, 2, 5)
    }

    pub(super) fn render(&self, text: &mut String) {
        text.push_str("[parameters]\n");
        for (value, parameter) in self.values.iter().zip(&TABLE) {
            let Parameter { name, what, .. } = parameter;
            let _ = writeln!(text, "# {what}\n{name} = {value}");
        }
    }
}

impl Encode for Parameters {
    fn encode(&self, writer: &mut Writer) {
        for value in self.values {
            writer.u64(value);
        }
    }
}
