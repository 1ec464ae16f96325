//! What was sent on a propose stream and is not answered in full.

use ally_proto::Entry;
use ally_proto::v1::{IssuedReceipt, Ordered, Rejected, Until};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// Entries that somebody proposed together and waits for together.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) entries: Vec<Entry>,
    pub(crate) until: Until,
    pub(crate) done: oneshot::Sender<Result<Vec<Outcome>, Lost>>,
}

/// What became of an entry, as the server says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) index: u64,
    pub(crate) height: u64,
    pub(crate) duplicate: bool,
    /// Not verified here.
    pub(crate) receipt: Option<Bytes>,
}

/// A server will say nothing more about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) why: String,
    pub(crate) kind: LostKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostKind {
    /// No connection came about: nothing was sent.
    Unreached,
    /// The server does not admit the client's key: nothing was sent.
    NotAdmitted,
    /// The connection broke, or the server is about to.
    Broken,
    /// The server refused; another attempt makes sense after this time.
    Refused(Duration),
    /// The server contradicts itself or its own proofs.
    Forged,
}

impl Lost {
    pub(crate) fn broken(why: String) -> Self {
        Self { why, kind: LostKind::Broken }
    }

    pub(crate) fn forged(why: String) -> Self {
        Self { why, kind: LostKind::Forged }
    }
}

impl Group {
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.as_bytes().len()).sum()
    }

    /// Whether nobody waits for an answer any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.done.is_closed()
    }

    /// Tells whoever waits that this server is no help.
    pub(crate) fn lose(self, lost: &Lost) {
        // Whoever waited may have stopped waiting.
        _ = self.done.send(Err(lost.clone()));
    }
}

/// The groups of one stream by the tags of their entries. Answers are checked against what was sent:
/// a server cannot answer what was not asked, nor twice. Answers to groups that are gone (because a
/// part of them was refused) are passed over.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    next_tag: u64,
    entries: usize,
    /// By first tag.
    groups: BTreeMap<u64, Sent>,
    /// Tags of entries that wait for a certificate, by index.
    uncertified: BTreeMap<(u64, u64), ()>,
}

#[derive(Debug)]
struct Sent {
    group: Group,
    outcomes: Vec<Outcome>,
    steps: Vec<Step>,
    left: usize,
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Sent,
    Ordered,
    Done,
}

impl InFlight {
    /// How many entries are not answered in full.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// The tag of the next entry that is added.
    pub(crate) fn next_tag(&self) -> u64 {
        self.next_tag
    }

    /// Takes in a group that goes out with the next tags.
    pub(crate) fn add(&mut self, group: Group) {
        let count = group.entries.len();
        let outcomes = vec![Outcome::default(); count];
        let sent = Sent { group, outcomes, steps: vec![Step::Sent; count], left: count };
        self.groups.insert(self.next_tag, sent);
        self.next_tag += count as u64;
        self.entries += count;
    }

    /// The stream broke: nothing more will come for anybody.
    pub(crate) fn lose(&mut self, lost: &Lost) {
        self.entries = 0;
        self.uncertified.clear();
        std::mem::take(&mut self.groups).into_values().for_each(|sent| sent.group.lose(lost));
    }

    /// A run of entries has its places in the log.
    ///
    /// # Errors
    /// [`Lost`] if nothing of the kind is under way: the server is faulty. So for the other answers.
    pub(crate) fn ordered(&mut self, ordered: &Ordered) -> Result<(), Lost> {
        let Ordered { first_tag, count, first_index, height, duplicate } = *ordered;
        let end = self.end(first_tag, count)?;
        plus(first_index, count.into())?;
        let mut tag = self.next_group(first_tag);
        while tag < end {
            let index = first_index + (tag - first_tag);
            let Some((_, sent, at)) = self.sent(tag)? else { return Err(unasked()) };
            advance(&mut sent.steps[at], Step::Sent, Step::Ordered)?;
            sent.outcomes[at] = Outcome { index, height, duplicate, receipt: None };
            match sent.group.until {
                Until::Certified => _ = self.uncertified.insert((index, tag), ()),
                Until::Receipt => {}
                Until::Decided | Until::Unspecified => self.finish(tag)?,
            }
            tag = self.next_group(tag + 1);
        }
        Ok(())
    }

    /// A verified certificate covers `log_size` entries.
    pub(crate) fn certified(&mut self, log_size: u64) -> Result<(), Lost> {
        let later = self.uncertified.split_off(&(log_size, 0));
        let covered = std::mem::replace(&mut self.uncertified, later);
        covered.into_keys().try_for_each(|(_, tag)| self.finish(tag))
    }

    /// A receipt came; it is looked at by whoever waits for it.
    pub(crate) fn receipt(&mut self, issued: IssuedReceipt) -> Result<(), Lost> {
        let Some((_, sent, at)) = self.sent(issued.tag)? else { return Ok(()) };
        if sent.group.until != Until::Receipt {
            return Err(unasked());
        }
        sent.outcomes[at].receipt = Some(issued.receipt);
        self.finish(issued.tag)
    }

    /// A run of entries will not be ordered by this server. Their groups are lost as a whole: what
    /// is proposed again is a duplicate where it was ordered.
    pub(crate) fn rejected(&mut self, rejected: &Rejected) -> Result<(), Lost> {
        let retry_after = Duration::from_millis(rejected.retry_after_ms.into());
        let lost = Lost { why: rejected.reason.clone(), kind: LostKind::Refused(retry_after) };
        let end = self.end(rejected.first_tag, rejected.count)?;
        let mut tag = self.next_group(rejected.first_tag);
        while tag < end {
            let Some((first, ..)) = self.sent(tag)? else { return Err(unasked()) };
            let Some(sent) = self.groups.remove(&first) else { return Err(unasked()) };
            self.entries -= sent.left;
            let behind = first + sent.steps.len() as u64;
            self.uncertified.retain(|(_, waiting), ()| !(first..behind).contains(waiting));
            sent.group.lose(&lost);
            tag = self.next_group(behind);
        }
        Ok(())
    }

    /// An ordered entry is as far as it should be.
    fn finish(&mut self, tag: u64) -> Result<(), Lost> {
        let Some((first, sent, at)) = self.sent(tag)? else { return Ok(()) };
        advance(&mut sent.steps[at], Step::Ordered, Step::Done)?;
        sent.left -= 1;
        let all = sent.left == 0;
        self.entries -= 1;
        if all && let Some(sent) = self.groups.remove(&first) {
            // Whoever waited may have stopped waiting.
            _ = sent.group.done.send(Ok(sent.outcomes));
        }
        Ok(())
    }

    /// The tag behind a run of entries.
    fn end(&self, first_tag: u64, count: u32) -> Result<u64, Lost> {
        let end = plus(first_tag, count.into())?;
        if end > self.next_tag { Err(unasked()) } else { Ok(end) }
    }

    /// The first tag from `tag` on whose group is there; `u64::MAX` if there is none. Groups that
    /// are gone are passed over at once: a server may name any number of their tags.
    fn next_group(&self, tag: u64) -> u64 {
        let holds = |(first, sent): (&u64, &Sent)| tag < first + sent.steps.len() as u64;
        if self.groups.range(..=tag).next_back().is_some_and(holds) {
            return tag;
        }
        self.groups.range(tag..).next().map_or(u64::MAX, |(first, _)| *first)
    }

    /// The group of `tag` with its first tag, and the place of the entry in it; `None` if it is gone.
    fn sent(&mut self, tag: u64) -> Result<Option<(u64, &mut Sent, usize)>, Lost> {
        if tag >= self.next_tag {
            return Err(unasked());
        }
        let Some((first, sent)) = self.groups.range_mut(..=tag).next_back() else {
            return Ok(None);
        };
        let at = (tag - first) as usize;
        Ok((at < sent.steps.len()).then_some((*first, sent, at)))
    }
}

fn advance(step: &mut Step, from: Step, to: Step) -> Result<(), Lost> {
    if *step != from {
        return Err(unasked());
    }
    *step = to;
    Ok(())
}

fn plus(first: u64, offset: u64) -> Result<u64, Lost> {
    first.checked_add(offset).ok_or_else(unasked)
}

fn unasked() -> Lost {
    Lost::forged("it answered what was not asked, or twice".to_owned())
}

#[cfg(test)]
mod tests;
