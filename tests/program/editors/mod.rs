//! What editors get: schemas.

mod schema;
