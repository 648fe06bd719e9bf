//! Digests of the streams being read, kept by a thread of their own: hashing every byte beside everything else costs no time.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::source::digest::{Edges, StreamDigest};
use crate::source::lines::Chunk;
use crate::vault::ingest::feed::USUAL_CHUNK;

/// Bytes of a stream.
pub enum Bytes {
    /// A chunk of lines.
    Chunk(Arc<Chunk>),
    /// Anything else.
    Raw(Vec<u8>),
}

/// What is known of a stream so far.
#[derive(Clone)]
pub struct Digest {
    /// BLAKE3, resumable.
    pub digest: StreamDigest,
    /// Both ends, when the stream was seen from its start.
    pub edges: Option<Edges>,
    /// A length of interest, and BLAKE3 of the stream up to there once it has come so far.
    pub mark: Option<(u64, Option<[u8; 32]>)>,
}

impl Digest {
    /// Of a stream seen from its start.
    pub fn fresh() -> Digest {
        Digest { digest: StreamDigest::new(), edges: Some(Edges::default()), mark: None }
    }

    /// Of a stream that goes on.
    pub fn resumed(digest: &StreamDigest) -> Digest {
        Digest { digest: digest.clone(), edges: None, mark: None }
    }

    fn update(&mut self, bytes: &[u8]) {
        let length = self.digest.length();
        let mut rest = bytes;
        if let Some((at, reached @ None)) = &mut self.mark
            && let Some(before) = at.checked_sub(length).and_then(|before| usize::try_from(before).ok())
            && before <= bytes.len()
        {
            let (first, second) = bytes.split_at(before);
            self.digest.update(first);
            *reached = Some(self.digest.finish());
            rest = second;
        }
        self.digest.update(rest);
        if let Some(edges) = &mut self.edges {
            edges.update(bytes);
        }
    }
}

enum Message {
    Open(usize, Box<Digest>, u64),
    Bytes(usize, Bytes),
    Query(usize, Sender<Digest>),
    Close(usize),
}

/// The thread and the way to it.
pub struct Digests {
    sender: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    /// Buffers of chunks that are done with, to be read into again.
    pub spare: Receiver<Vec<u8>>,
}

impl Digests {
    /// Starts the thread.
    #[must_use]
    pub fn start() -> Digests {
        let (sender, receiver) = unbounded();
        let (shelf, spare) = bounded(8);
        Digests { sender: Some(sender), thread: Some(std::thread::spawn(move || work(&receiver, &shelf))), spare }
    }

    fn send(&self, message: Message) {
        // The thread ends only with the channel.
        if let Some(sender) = &self.sender {
            let _ = sender.send(message);
        }
    }

    /// Begins a stream at what is known of it; the first `skip` bytes that come are known already.
    pub fn open(&self, slot: usize, digest: Digest, skip: u64) {
        self.send(Message::Open(slot, Box::new(digest), skip));
    }

    /// The next bytes.
    pub fn bytes(&self, slot: usize, bytes: Bytes) {
        self.send(Message::Bytes(slot, bytes));
    }

    /// The digest of all bytes so far.
    ///
    /// # Errors
    /// When the thread is gone.
    pub fn query(&self, slot: usize) -> Result<Digest> {
        let (sender, receiver) = bounded(1);
        self.send(Message::Query(slot, sender));
        receiver.recv().map_err(|_| Error::Internal("the digest thread stopped".into()))
    }

    /// Forgets a stream.
    pub fn close(&self, slot: usize) {
        self.send(Message::Close(slot));
    }
}

impl Drop for Digests {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(receiver: &Receiver<Message>, shelf: &Sender<Vec<u8>>) {
    let mut streams: FxHashMap<usize, (Digest, u64)> = FxHashMap::default();
    for message in receiver {
        match message {
            Message::Open(slot, digest, skip) => {
                streams.insert(slot, (*digest, skip));
            }
            Message::Bytes(slot, bytes) => {
                if let Some((digest, skip)) = streams.get_mut(&slot) {
                    let bytes = match &bytes {
                        Bytes::Chunk(chunk) => chunk.data.as_slice(),
                        Bytes::Raw(bytes) => bytes.as_slice(),
                    };
                    let known = (bytes.len() as u64).min(*skip);
                    *skip -= known;
                    digest.update(&bytes[known as usize..]);
                }
                // Hashing comes last in a chunk's life: mostly its buffer is free now.
                if let Bytes::Chunk(chunk) = bytes
                    && let Ok(chunk) = Arc::try_unwrap(chunk)
                    && chunk.data.capacity() <= USUAL_CHUNK
                {
                    let _ = shelf.try_send(chunk.data);
                }
            }
            Message::Query(slot, reply) => {
                if let Some((digest, _)) = streams.get(&slot) {
                    let _ = reply.send(digest.clone());
                }
            }
            Message::Close(slot) => {
                streams.remove(&slot);
            }
        }
    }
}
