//! What a hostile repository asks for, and does not get.

mod arguments;
mod budgets;
mod canary;
mod file_kinds;
mod growth;
mod nothing_runs;
mod refused_calls;
