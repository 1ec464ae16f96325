//! Which servers have helped lately. Pure: time is a parameter.

use std::time::Duration;
use tokio::time::Instant;

/// How long a server that did not help is asked last: the first time, and after many.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// The order in which servers are asked.
///
/// It is that of the options, one's own server first, except that servers that did not help come
/// last for a while. So a call pays for a silent server once, not each time. Who was put last is
/// tried again beside the calls, after pauses that double, and gets its place back when it answers.
#[derive(Debug)]
pub(crate) struct Standings(Vec<Standing>);

#[derive(Debug, Clone)]
struct Standing {
    /// When to try it again; `None` while it helps.
    again_at: Option<Instant>,
    pause: Duration,
}

impl Standings {
    /// Nothing speaks against any of so many servers.
    pub(crate) fn new(servers: usize) -> Self {
        Self(vec![Standing { again_at: None, pause: PAUSES.0 }; servers])
    }

    /// The servers as they are to be asked.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|at| self.0[*at].again_at.is_some());
        order
    }

    /// A server answered.
    pub(crate) fn helped(&mut self, at: usize) {
        self.0[at] = Standing { again_at: None, pause: PAUSES.0 };
    }

    /// A server answered a trial: it gets its place back. Should it fail again, then the pauses go on
    /// where they were, so that a server that only answers trials does not cost much.
    pub(crate) fn restored(&mut self, at: usize) {
        self.0[at].again_at = None;
    }

    /// A server failed, or was silent until another one had answered.
    pub(crate) fn failed(&mut self, at: usize, now: Instant) {
        let standing = &mut self.0[at];
        // What fails on the way to the next trial is no news.
        if standing.again_at.is_none() {
            standing.again_at = Some(now + standing.pause);
        }
    }

    /// A server's answer does not verify: it is not tried for a long time.
    pub(crate) fn forged(&mut self, at: usize, now: Instant) {
        self.0[at] = Standing { again_at: Some(now + PAUSES.1), pause: PAUSES.1 };
    }

    /// The servers that are to be tried now; each comes up again only after its next pause.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        for (at, standing) in self.0.iter_mut().enumerate() {
            if standing.again_at.is_some_and(|again_at| again_at <= now) {
                standing.pause = (standing.pause * 2).min(PAUSES.1);
                standing.again_at = Some(now + standing.pause);
                due.push(at);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_help_is_asked_last_until_it_answers() {
        let now = Instant::now();
        let mut standings = Standings::new(3);
        assert_eq!(standings.order(), [0, 1, 2]);
        standings.failed(0, now);
        standings.failed(2, now);
        assert_eq!(standings.order(), [1, 0, 2]);
        standings.helped(0);
        assert_eq!(standings.order(), [0, 1, 2], "one's own server has its place back");
    }

    #[test]
    fn trials_become_rare_and_fall_back_with_an_answer() {
        let begin = Instant::now();
        let mut standings = Standings::new(1);
        standings.failed(0, begin);
        let mut trials = Vec::new();
        for second in 0..300 {
            let now = begin + Duration::from_secs(second);
            standings.failed(0, now);
            if !standings.due(now).is_empty() {
                trials.push(second);
            }
        }
        assert_eq!(trials, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
        standings.helped(0);
        let now = begin + Duration::from_secs(400);
        standings.failed(0, now);
        assert_eq!(standings.due(now + PAUSES.0), [0]);
    }

    #[test]
    fn who_answers_trials_only_is_trusted_ever_more_rarely() {
        let mut now = Instant::now();
        let mut standings = Standings::new(1);
        let mut trials = 0;
        let end = now + Duration::from_secs(600);
        while now < end {
            standings.failed(0, now);
            now += Duration::from_millis(100);
            for at in standings.due(now) {
                standings.restored(at);
                trials += 1;
            }
        }
        assert!((10..20).contains(&trials), "{trials}");
    }

    #[test]
    fn a_liar_is_not_tried_for_long() {
        let begin = Instant::now();
        let mut standings = Standings::new(2);
        standings.forged(0, begin);
        assert_eq!(standings.order(), [1, 0]);
        assert!(standings.due(begin + PAUSES.1 / 2).is_empty());
        assert_eq!(standings.due(begin + PAUSES.1), [0]);
    }
}
