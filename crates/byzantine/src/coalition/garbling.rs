//! Garbage at the decoders: frames that are changed on their way out.

use super::Coalition;
use ally_policy::ServerIndex;
use bytes::Bytes;

impl Coalition {
    /// What a member sends in place of a frame, if it garbles this one.
    pub fn garble(&mut self, member: ServerIndex, frame: &Bytes) -> Option<Bytes> {
        if !self.contains(member) || !self.draw.percent(self.treachery.garble) {
            return None;
        }
        self.tally.count("liar: frame garbled");
        let mut bytes = frame.to_vec();
        let places = bytes.len() as u64;
        match self.draw.below(5) {
            0 => bytes.truncate(self.draw.below(places) as usize),
            1 => bytes.push(self.draw.below(256) as u8),
            // A length or a count near the front, as large as can be.
            2 => {
                let at = self.draw.below(places.min(200)) as usize;
                let end = bytes.len().min(at + 4);
                bytes[at..end].fill(0xff);
            }
            3 => bytes[0] = self.draw.below(12) as u8,
            _ => {
                for _ in 0..self.draw.between(1, 4) {
                    let at = self.draw.below(places) as usize;
                    bytes[at] ^= 1 << self.draw.below(8);
                }
            }
        }
        Some(bytes.into())
    }
}
