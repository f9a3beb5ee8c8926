//! A load generator: connections that are kept alive, each with one request on its way at a time, all on one thread.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::Outcome;
use crate::feed::Feed;

/// A connection to a server.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The status of an answer and where its body is in the buffer.
#[derive(Clone, Copy)]
struct Head {
    status: u16,
    /// Bytes up to the body.
    length: usize,
    body: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(512 * 1024),
        })
    }

    /// Sends a request and reads the whole answer: status and body.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Outcome<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.length + head.body {
            self.more().await?;
        }
        let body = self.buffer.get(head.length..).unwrap_or_default();
        Ok((head.status, body))
    }

    async fn more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed a connection".into());
        }
        Ok(())
    }
}

impl Head {
    fn read(bytes: &[u8]) -> Outcome<Option<Head>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let body = lines.find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then_some(value)
        });
        Ok(Some(Head {
            status: status.ok_or("not an answer of HTTP")?.parse()?,
            length: end + 4,
            body: body.unwrap_or("0").parse()?,
        }))
    }
}

/// What was measured in a slice of time.
pub(crate) struct Slice {
    /// How long each request took, in nanoseconds.
    pub(crate) took: Vec<u32>,
    pub(crate) elapsed: Duration,
}

/// Lets so many clients ask for so long, each as soon as it has its answer.
pub(crate) async fn load(
    address: SocketAddr,
    clients: usize,
    time: Duration,
    feed: &Rc<RefCell<Feed>>,
) -> Outcome<Slice> {
    let mut connections = Vec::new();
    for client in 0..clients {
        let mut connection = Connection::open(address).await?;
        // The first request of a connection finds nothing warm.
        ask(&mut connection, feed, client).await?;
        connections.push(connection);
    }
    let local = LocalSet::new();
    let mut running = JoinSet::new();
    let start = Instant::now();
    let end = start + time;
    for (client, mut connection) in connections.into_iter().enumerate() {
        let feed = Rc::clone(feed);
        let story = async move {
            let mut took = Vec::with_capacity(32 * 1024);
            while Instant::now() < end {
                took.push(
                    ask(&mut connection, &feed, client)
                        .await
                        .map_err(|error| error.to_string())?,
                );
            }
            Ok::<_, String>(took)
        };
        running.spawn_local_on(story, &local);
    }
    let mut slice = Slice {
        took: Vec::new(),
        elapsed: Duration::ZERO,
    };
    local
        .run_until(async {
            while let Some(done) = running.join_next().await {
                slice.took.extend(done??);
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        })
        .await?;
    slice.elapsed = start.elapsed();
    Ok(slice)
}

/// One request; how long it took, in nanoseconds.
async fn ask(connection: &mut Connection, feed: &RefCell<Feed>, client: usize) -> Outcome<u32> {
    let (request, expected) = {
        let mut feed = feed.borrow_mut();
        (feed.next(client), feed.expected)
    };
    let start = Instant::now();
    let (status, body) = connection.call(&request).await?;
    let took = start.elapsed();
    if status != expected {
        let text = String::from_utf8_lossy(body)
            .chars()
            .take(300)
            .collect::<String>();
        return Err(format!("expected status {expected}, found {status}: {text}").into());
    }
    Ok(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX))
}
