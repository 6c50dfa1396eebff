//! Attributes that a new file inherits from the one that it replaces.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use super::{Access, restrict};

/// The attribute that holds an access control list.
const ACL: &str = "system.posix_acl_access";

/// The largest value of an attribute that file systems support.
const LARGEST: usize = 64 * 1024;

/// The bits of a mode that are permissions.
const MODES: u32 = 0o7777;

/// Gives a draft the owner, the group, the extended attributes and the permissions of a file. It must not become
/// readable for users who could not read the file: where its group or its access list cannot be kept, the group gets
/// no more permissions than everyone.
pub(super) fn inherit(draft: &File, target: &Path, before: &Metadata, access: Access) -> io::Result<()> {
    let made = draft.metadata()?;
    let mut keeps_group = true;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        // only root gives files away; others may give them to their groups
        let kept = fchown(draft, Some(before.uid()), Some(before.gid()));
        keeps_group = kept.or_else(|_| fchown(draft, None, Some(before.gid()))).is_ok();
    }
    keeps_group &= copy_attributes(draft, target, access);
    let mut permissions = restrict(before.permissions(), access);
    if !keeps_group {
        let mode = permissions.mode();
        permissions = Permissions::from_mode(mode & !0o070 | mode & (mode << 3) & 0o070);
    }
    let set = draft.set_permissions(permissions.clone());
    // a file system without permissions (FAT, a share) refuses to change them, and gives every file the same
    let has_them = || draft.metadata().is_ok_and(|made| made.mode() & MODES == permissions.mode() & MODES);
    if set.is_err() && has_them() { Ok(()) } else { set }
}

/// Copies extended attributes, as far as that is allowed. Returns whether every access list was kept.
fn copy_attributes(draft: &File, target: &Path, access: Access) -> bool {
    let mut names = [0; 4096];
    // where there are more than a page of names, none is taken over, and a list of access may be among them
    let Ok(length) = rustix::fs::listxattr(target, &mut names) else {
        return rustix::fs::getxattr(target, ACL, [0; 0].as_mut_slice()).is_err();
    };
    let mut keeps_list = true;
    let names = names.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    for name in names.filter_map(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty()) {
        if name == ACL && access == Access::Owner {
            continue;
        }
        let mut value = vec![0; LARGEST];
        let copied = rustix::fs::getxattr(target, name, value.as_mut_slice()).and_then(|length| {
            let value = value.get(..length).unwrap_or_default();
            rustix::fs::fsetxattr(draft, name, value, rustix::fs::XattrFlags::empty())
        });
        keeps_list &= copied.is_ok() || name != ACL;
    }
    keeps_list
}
