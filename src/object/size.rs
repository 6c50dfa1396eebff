//! How big an object may be.

use super::Object;

/// Most bytes that the values of a ConfigMap or Secret may have together, decoded; keys do not
/// count (`MaxSecretSize`, kubernetes/pkg/apis/core/validation).
pub(super) const MAX_DATA: usize = 1024 * 1024;

/// Beyond this, a client-side `kubectl apply` fails, since it stores the whole object in an
/// annotation, and annotations are limited to 256 KiB together.
pub(super) const MAX_APPLIED: usize = 256 * 1024;

/// What the API server counts.
pub(super) fn data_size(object: &Object) -> usize {
    object.data.values().map(|value| value.bytes().len()).sum()
}
