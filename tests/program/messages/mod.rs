//! What the program prints to mistakes, word for word.

mod bad_input;
mod pasted;
mod remedies;
mod shown;
