//! `lockstep local …`
