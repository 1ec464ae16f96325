//! What a report claims about its sender's votes, and what contradicts that.

use crate::{BlockRef, Branch, CommitCertificate, Height, ViewChange, Vote};

impl ViewChange {
    /// Whether a vote of the same server contradicts this report: it was signed in a lower view than
    /// the one wanted, and the report neither names it nor a later one, nor one above it.
    ///
    /// # Cost
    /// At most three hashes of headers.
    pub(crate) fn conceals(&self, vote: &Vote) -> bool {
        if vote.view >= self.view {
            return false;
        }
        match &self.voted {
            None => true,
            Some(last) if last.view != vote.view => last.view < vote.view,
            Some(last) => last.leaves_out(vote.block),
        }
    }

    /// Whether this report leaves out a certificate that its sender committed to: it was of a lower
    /// view than the one wanted, lies above the certified block reported, and the report names none
    /// as high. Proves nothing where the block conflicts with that certified block.
    pub(crate) fn conceals_commit(&self, certificate: &CommitCertificate) -> bool {
        let rank = |known: &CommitCertificate| (known.view, known.block.height);
        let shown = self.certified.as_ref().map(|shown| shown.block.height);
        certificate.view < self.view
            && shown.is_none_or(|height| height < certificate.block.height)
            && self.committed.as_ref().is_none_or(|(known, _)| rank(known) < rank(certificate))
    }

    /// Whether a report of the same server for this view or a higher one contradicts this one.
    ///
    /// # Cost
    /// At most two hashes of headers.
    pub(crate) fn is_contradicted_by(&self, later: &ViewChange) -> bool {
        if later.view < self.view {
            return false;
        }
        match (&self.voted, &later.voted) {
            // It has voted since.
            (_, Some(last)) if last.view >= self.view => false,
            (None, None) => false,
            (Some(first), Some(second)) => {
                let tops = (first.top(), second.top());
                let other_block = matches!(tops, (Some(one), Some(other)) if one != other);
                first.view != second.view || first.start() != second.start() || other_block
            }
            (None, Some(_)) | (Some(_), None) => true,
        }
    }
}

impl Branch {
    /// The block that the sender voted for last; none if the branch is cut above it.
    fn top(&self) -> Option<BlockRef> {
        self.headers.last().map(|header| header.body.block_ref())
    }

    /// The tip that its view starts from, for a view above 0.
    fn start(&self) -> Option<BlockRef> {
        self.new_view.as_ref().map(|certificate| certificate.tip)
    }

    /// Whether a block of the view is neither on this branch nor, as far as the branch shows, below
    /// it.
    fn leaves_out(&self, block: BlockRef) -> bool {
        let (Some(lowest), Some(top)) = (self.headers.first(), self.headers.last()) else {
            return false;
        };
        let (lowest, top) = (&lowest.body, &top.body);
        if block.height > top.height {
            return true;
        }
        let Some(place) = block.height.0.checked_sub(lowest.height.0) else {
            let below = Height(lowest.height.0.saturating_sub(1));
            return block.height == below && block.hash != lowest.parent;
        };
        let header = usize::try_from(place).ok().and_then(|place| self.headers.get(place));
        header.is_some_and(|header| header.body.hash() != block.hash)
    }
}
