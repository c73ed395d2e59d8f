//! What a server has in each of its connections. It is looked at whenever the connection has handled all that came, so
//! none of it costs anything a message.

use std::future::Future;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use ::tokio::time;

use super::WhenTooFast;
use super::house::{House, Order, Room};
use crate::Connection;
use crate::adapter::trace::Traced;
use crate::frame::CloseCode;
use crate::rate::TokenBucket;

/// A connection, and its place in a server where it has one.
#[derive(Debug)]
pub(crate) struct Hosted {
    conn: Traced,
    guest: Option<Box<Guest>>,
}

impl Hosted {
    pub(in super::super) fn new(conn: Connection) -> Self {
        Self { conn: Traced::new(conn), guest: None }
    }

    pub(super) fn enter(&mut self, guest: Guest) {
        self.guest = Some(Box::new(guest));
    }

    /// Before each wait: counts, and does what the server orders.
    #[inline]
    pub(in super::super) fn attend(&mut self, cx: &Context<'_>) {
        if let Some(guest) = &mut self.guest {
            guest.attend(cx, &mut self.conn);
        }
    }

    /// Whether the rate allows to read on. Wakes up when it does.
    #[inline]
    pub(in super::super) fn may_read(&mut self, cx: &mut Context<'_>) -> bool {
        self.guest.as_mut().is_none_or(|guest| guest.may_read(cx, &mut self.conn))
    }
}

impl Deref for Hosted {
    type Target = Traced;

    fn deref(&self) -> &Traced {
        &self.conn
    }
}

impl DerefMut for Hosted {
    fn deref_mut(&mut self) -> &mut Traced {
        &mut self.conn
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some(guest) = &mut self.guest {
            guest.leave(&self.conn);
        }
    }
}

#[derive(Debug)]
pub(super) struct Guest {
    house: Arc<House>,
    room: Arc<Room>,
    number: usize,
    /// Where messages are limited by address.
    address: Option<IpAddr>,
    /// Where messages are limited on each connection.
    bucket: Option<TokenBucket>,
    /// How many messages have been charged for.
    charged: u64,
    /// How many round trips have been noted.
    round_trips: u32,
    /// Until when nothing is read.
    pause: Option<Pin<Box<time::Sleep>>>,
    dropped: bool,
}

impl Guest {
    pub(super) fn new(house: Arc<House>, address: Option<IpAddr>) -> Self {
        let (number, room) = house.enter();
        let address = address.filter(|_| house.limits.per_address.is_some());
        let bucket = house.limits.per_connection.map(TokenBucket::new);
        let (charged, round_trips) = (0, 0);
        Self {
            house,
            room,
            number,
            address,
            bucket,
            charged,
            round_trips,
            pause: None,
            dropped: false,
        }
    }

    fn attend(&mut self, cx: &Context<'_>, conn: &mut Connection) {
        self.count(conn);
        match self.room.poll_order(cx) {
            Order::Close if !conn.is_closing() => {
                if let Some(farewell) = self.house.farewell() {
                    // A code or a reason that cannot be sent is no reason to stay.
                    if conn.close(farewell.code, &farewell.reason).is_err() {
                        let _ = conn.close(CloseCode::GOING_AWAY, "");
                    }
                }
            }
            Order::Drop if !self.dropped => {
                self.dropped = true;
                conn.handle_transport_error();
            }
            _ => {}
        }
    }

    fn may_read(&mut self, cx: &mut Context<'_>, conn: &mut Connection) -> bool {
        let Some(pause) = &mut self.pause else { return true };
        if conn.is_closing() || pause.as_mut().poll(cx).is_ready() {
            self.pause = None;
            return true;
        }
        conn.note_pause();
        false
    }

    fn leave(&mut self, conn: &Connection) {
        self.note(conn);
        self.house.leave(self.number, conn.closed().as_ref());
    }

    fn count(&mut self, conn: &mut Connection) {
        self.note(conn);
        let received = conn.stats().messages_received;
        let messages = received.wrapping_sub(self.charged);
        if messages == 0 || (self.bucket.is_none() && self.address.is_none()) {
            return;
        }
        self.charged = received;
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        let own = match &mut self.bucket {
            Some(bucket) => bucket.charge(messages, self.house.now()),
            None => Duration::ZERO,
        };
        let shared =
            self.address.map_or(Duration::ZERO, |address| self.house.charge(address, messages));
        let wait = own.max(shared);
        if wait.is_zero() || conn.is_closing() {
            return;
        }
        self.house.count(|metrics| metrics.too_fast += 1);
        match self.house.limits.when_too_fast {
            WhenTooFast::Wait => self.pause = Some(Box::pin(time::sleep(wait))),
            WhenTooFast::Close => {
                conn.close(CloseCode::POLICY_VIOLATION, "too many messages")
                    .expect("the code and the reason can be sent");
            }
        }
    }

    fn note(&mut self, conn: &Connection) {
        self.room.publish(conn);
        let measured = conn.round_trips().count();
        if measured != self.round_trips {
            self.round_trips = measured;
            if let Some(rtt) = conn.round_trips().last() {
                self.house.count(|metrics| metrics.round_trips.note(rtt));
            }
        }
    }
}
