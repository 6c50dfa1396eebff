//! Templates, and what of a value may follow from them.

mod refused_content;
mod templates_of_values;
mod text_secrets;
