//! Frame opcodes (RFC 6455 section 5.2).

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// A further fragment of the message begun before.
    Continuation = 0x0,
    /// A text message or its first fragment.
    Text = 0x1,
    /// A binary message or its first fragment.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// A question whether the peer is there.
    Ping = 0x9,
    /// The answer to a ping, or an unsolicited heartbeat.
    Pong = 0xA,
}

impl OpCode {
    /// The opcode of the low four bits; `None` for those that RFC 6455 reserves.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits & 0x0F {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether the frame is a control frame: never fragmented, at most 125 bytes, allowed between the
    /// fragments of a message (section 5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x08 != 0
    }
}
