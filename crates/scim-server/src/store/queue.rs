//! A queue with a bound, between those who ask and the database threads.
//!
//! A thread that finds nothing sleeps at once. The channels of other crates first look again for a while, yielding the processor each time: with
//! several threads at one queue that costs more than the waking it saves.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The queue takes no more: it is full, or nobody takes anything out of it.
#[derive(Debug)]
pub(super) struct Refused;

/// Nothing waits in the queue; to those who wait for it: and nothing will.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Empty;

/// The end for those who put something in. The queue ends with the last of them.
#[derive(Debug)]
pub(super) struct Sender<T>(Arc<Queue<T>>);

/// The end for those who take something out.
#[derive(Debug)]
pub(super) struct Receiver<T>(Arc<Queue<T>>);

#[derive(Debug)]
struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    emptied: Condvar,
    limit: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    senders: usize,
    receivers: usize,
}

/// A queue in which at most `limit` items wait.
pub(super) fn bounded<T>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(Queue {
        state: Mutex::new(State {
            items: VecDeque::new(),
            senders: 1,
            receivers: 1,
        }),
        filled: Condvar::new(),
        emptied: Condvar::new(),
        limit,
    });
    (Sender(Arc::clone(&queue)), Receiver(queue))
}

impl<T> Queue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Puts an item in if there is room.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn try_send(&self, item: T) -> Result<(), Refused> {
        self.send_timeout(item, Duration::ZERO)
    }

    /// Puts an item in as soon as there is room.
    ///
    /// # Errors
    ///
    /// When there was none for so long.
    pub(super) fn send_timeout(&self, item: T, patience: Duration) -> Result<(), Refused> {
        let mut state = self.0.lock();
        if state.items.len() >= self.0.limit && !patience.is_zero() {
            let full =
                |state: &mut State<T>| state.items.len() >= self.0.limit && state.receivers > 0;
            let waited = self.0.emptied.wait_timeout_while(state, patience, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.items.len() >= self.0.limit || state.receivers == 0 {
            return Err(Refused);
        }
        state.items.push_back(item);
        drop(state);
        self.0.filled.notify_one();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// The next item, waiting for it.
    ///
    /// # Errors
    ///
    /// When there are no more and nobody is left to put one in.
    pub(super) fn recv(&self) -> Result<T, Empty> {
        let nothing = |state: &mut State<T>| state.items.is_empty() && state.senders > 0;
        let state = self.0.filled.wait_while(self.0.lock(), nothing);
        self.take(state.unwrap_or_else(PoisonError::into_inner))
    }

    /// The next item.
    ///
    /// # Errors
    ///
    /// When none waits.
    pub(super) fn try_recv(&self) -> Result<T, Empty> {
        self.take(self.0.lock())
    }

    fn take(&self, mut state: MutexGuard<'_, State<T>>) -> Result<T, Empty> {
        let was_full = state.items.len() >= self.0.limit;
        let item = state.items.pop_front();
        drop(state);
        if was_full {
            self.0.emptied.notify_one();
        }
        item.ok_or(Empty)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.0.lock().receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        let last = state.senders == 0;
        drop(state);
        if last {
            self.0.filled.notify_all();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receivers -= 1;
        // Items that nobody will take are dropped: their callers hear of it.
        let rest = (state.receivers == 0).then(|| std::mem::take(&mut state.items));
        drop(state);
        if rest.is_some() {
            self.0.emptied.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_order_and_no_more_than_the_limit_wait() {
        let (sender, receiver) = bounded(2);
        assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
        assert!(sender.try_send(3).is_err());
        assert!(sender.send_timeout(3, Duration::from_millis(5)).is_err());
        assert_eq!([receiver.recv(), receiver.try_recv()], [Ok(1), Ok(2)]);
        assert_eq!(receiver.try_recv(), Err(Empty));
    }

    #[test]
    fn a_thread_that_waits_is_woken_by_an_item_and_by_the_end() {
        let (sender, receiver) = bounded(8);
        let taken = std::thread::scope(|scope| {
            let threads = [0; 3].map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || std::iter::from_fn(|| receiver.recv().ok()).sum::<u32>())
            });
            for item in 1..=100 {
                assert!(sender.send_timeout(item, Duration::from_secs(5)).is_ok());
            }
            drop(sender);
            threads.map(|thread| thread.join().unwrap())
        });
        assert_eq!(taken.iter().sum::<u32>(), 5050);
    }

    #[test]
    fn without_a_receiver_nothing_is_taken_and_what_waits_is_dropped() {
        let (sender, receiver) = bounded(2);
        let item = Arc::new(());
        assert!(sender.try_send(Arc::clone(&item)).is_ok());
        drop(receiver);
        assert_eq!(Arc::strong_count(&item), 1);
        assert!(sender.try_send(item).is_err());
    }
}
