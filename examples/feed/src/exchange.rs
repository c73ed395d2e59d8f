//! A simulated exchange. Its books are right; what it tells of them is lost, repeated, reordered and corrupted on
//! purpose, and it hangs up in every way there is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hybi::CloseCode;
use hybi::handshake::Accept;
use hybi::tokio::{Error, WebSocket, receive_request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;
use tokio::time::sleep;

use crate::book::Book;
use crate::protocol::{Levels, Reply, Request, sign};

pub const SYMBOLS: [&str; 2] = ["BTC/USD", "ETH/USD"];

/// The only account.
pub const KEY: &str = "demo";
pub const SECRET: &str = "not a secret at all";

/// How many changes at the end are told as they are.
const HONEST: u32 = 50;

/// One exchange, shared by all its connections.
#[derive(Clone)]
pub struct Exchange {
    state: Arc<Mutex<State>>,
    updates: broadcast::Sender<Levels>,
}

struct State {
    books: HashMap<&'static str, Book>,
    /// The checksum of each book at each sequence number: what the client must have shown.
    history: HashMap<(&'static str, u64), u32>,
    random: Random,
    misbehaving: bool,
    faults: Faults,
}

/// What was done to the clients.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub refused: u32,
    pub dropped: u32,
    pub repeated: u32,
    pub reordered: u32,
    pub corrupted: u32,
    pub hung_up: u32,
    pub closed: u32,
}

impl Exchange {
    pub fn new(seed: u64) -> Self {
        let state = State {
            books: SYMBOLS.iter().map(|symbol| (*symbol, Book::default())).collect(),
            history: HashMap::new(),
            random: Random(seed | 1),
            misbehaving: true,
            faults: Faults::default(),
        };
        let exchange =
            Self { state: Arc::new(Mutex::new(state)), updates: broadcast::channel(1024).0 };
        for _ in 0..100 {
            exchange.trade();
        }
        exchange
    }

    /// Changes each book so many times, one change each few milliseconds. Towards the end it tells the truth, so that the
    /// last change is heard of.
    pub async fn run(self, changes: u32) {
        for left in (0..changes).rev() {
            self.lock().misbehaving = left >= HONEST;
            self.trade();
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Changes each book once.
    fn trade(&self) {
        let mut state = self.lock();
        for symbol in SYMBOLS {
            let update = state.change(symbol);
            // Nobody may be listening.
            let _ = self.updates.send(update);
        }
    }

    pub fn faults(&self) -> Faults {
        self.lock().faults
    }

    pub fn checksum(&self, symbol: &'static str, sequence: u64) -> Option<u32> {
        self.lock().history.get(&(symbol, sequence)).copied()
    }

    pub fn sequence(&self, symbol: &'static str) -> u64 {
        self.lock().books[symbol].sequence
    }

    /// Serves one client.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) -> Result<(), Error> {
        let incoming = receive_request(stream, Default::default()).await?;
        if self.lock().happens(8, |faults| &mut faults.refused) {
            let busy = http::Response::builder()
                .status(http::StatusCode::SERVICE_UNAVAILABLE)
                .header(http::header::RETRY_AFTER, "1")
                .body(bytes::Bytes::from_static(b"busy"))
                .expect("status and header are valid");
            return incoming.reject(busy).await;
        }
        let mut ws = incoming.accept(&Accept::new(), hybi::Config::default()).await?;
        if !self.authenticate(&mut ws).await? {
            return ws.close(CloseCode(4001), "wrong signature").await;
        }
        let Some(Request::Subscribe { symbols }) = receive(&mut ws).await? else { return Ok(()) };
        let mut updates = self.updates.subscribe();
        for symbol in &symbols {
            self.send_snapshot(&mut ws, symbol).await?;
        }
        // Updates that are told after the next of their symbol.
        let mut late: HashMap<String, Levels> = HashMap::new();
        loop {
            tokio::select! {
                request = receive(&mut ws) => match request? {
                    Some(Request::Snapshot { symbol }) => self.send_snapshot(&mut ws, &symbol).await?,
                    Some(_) => return ws.close(CloseCode::POLICY_VIOLATION, "out of turn").await,
                    None => return Ok(()),
                },
                update = updates.recv() => {
                    let Ok(mut update) = update else { return Ok(()) };
                    let plan = self.lock().plan();
                    match plan {
                        Plan::Tell => {}
                        Plan::Drop => continue,
                        Plan::Repeat => tell(&mut ws, &update).await?,
                        Plan::Delay => {
                            if let Some(earlier) = late.insert(update.symbol.clone(), update) {
                                tell(&mut ws, &earlier).await?;
                            }
                            continue;
                        }
                        Plan::Corrupt => {
                            let side = if update.bids.is_empty() { &mut update.asks } else { &mut update.bids };
                            side[0].1 += 1;
                        }
                        Plan::HangUp => return Ok(()),
                        Plan::Close(code) => return ws.close(code, "").await,
                    }
                    tell(&mut ws, &update).await?;
                    if let Some(update) = late.remove(&update.symbol) {
                        tell(&mut ws, &update).await?;
                    }
                }
            }
        }
    }

    async fn authenticate<S>(&self, ws: &mut WebSocket<S>) -> Result<bool, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(Request::Challenge { key }) = receive(ws).await? else { return Ok(false) };
        let nonce = format!("{:016x}", self.lock().random.next());
        ws.send(Reply::Challenge { nonce: nonce.clone() }.to_text()).await?;
        let Some(Request::Auth { signature }) = receive(ws).await? else { return Ok(false) };
        let success = key == KEY && signature == sign(SECRET, &nonce);
        ws.send(Reply::Auth { success }.to_text()).await?;
        Ok(success)
    }

    async fn send_snapshot<S>(&self, ws: &mut WebSocket<S>, symbol: &str) -> Result<(), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let snapshot = self.lock().books.get(symbol).map(|book| book.to_levels(symbol));
        match snapshot {
            Some(snapshot) => ws.send(Reply::Snapshot(snapshot).to_text()).await,
            None => ws.close(CloseCode(4004), "no such symbol").await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done with one update.
enum Plan {
    Tell,
    Drop,
    Repeat,
    Delay,
    Corrupt,
    HangUp,
    Close(CloseCode),
}

impl State {
    fn plan(&mut self) -> Plan {
        if self.happens(300, |faults| &mut faults.hung_up) {
            Plan::HangUp
        } else if self.happens(600, |faults| &mut faults.closed) {
            let codes = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::SERVICE_RESTART];
            Plan::Close(codes[self.random.below(3) as usize])
        } else if self.happens(60, |faults| &mut faults.dropped) {
            Plan::Drop
        } else if self.happens(30, |faults| &mut faults.repeated) {
            Plan::Repeat
        } else if self.happens(30, |faults| &mut faults.reordered) {
            Plan::Delay
        } else if self.happens(150, |faults| &mut faults.corrupted) {
            Plan::Corrupt
        } else {
            Plan::Tell
        }
    }

    /// Whether a fault that strikes once in so many times does now.
    fn happens(&mut self, once_in: u64, fault: impl FnOnce(&mut Faults) -> &mut u32) -> bool {
        let now = self.misbehaving && self.random.below(once_in) == 0;
        *fault(&mut self.faults) += u32::from(now);
        now
    }

    /// Changes one level of a book.
    fn change(&mut self, symbol: &'static str) -> Levels {
        let quantity = if self.random.below(4) == 0 { 0 } else { self.random.below(1_000) + 1 };
        let level = (self.random.below(20), quantity);
        let (bids, asks) = match self.random.below(2) {
            0 => (vec![(1_000 - level.0, level.1)], vec![]),
            _ => (vec![], vec![(1_001 + level.0, level.1)]),
        };
        let book = self.books.get_mut(symbol).expect("the symbol is one of ours");
        let sequence = book.sequence + 1;
        let mut update = Levels { symbol: symbol.to_owned(), sequence, bids, asks, checksum: 0 };
        book.apply(&update);
        update.checksum = book.checksum();
        self.history.insert((symbol, sequence), update.checksum);
        update
    }
}

async fn tell<S: AsyncRead + AsyncWrite + Unpin>(
    ws: &mut WebSocket<S>,
    update: &Levels,
) -> Result<(), Error> {
    ws.send(Reply::Update(update.clone()).to_text()).await
}

/// The next request; `None` at the end, or where the client says what is none.
async fn receive<S>(ws: &mut WebSocket<S>) -> Result<Option<Request>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let message = ws.recv().await?;
    Ok(message.and_then(|message| serde_json::from_slice(message.as_bytes()).ok()))
}

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
