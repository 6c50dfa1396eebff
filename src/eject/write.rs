//! Writing of what is ejected: everything or nothing, and nothing that exists.
//!
//! The files are written beside the destination with Secrets encrypted for an identity that exists only in memory: so
//! the proof decrypts what is on disk, and needs no key of the recipients. Then they are encrypted for their recipients,
//! and the directory gets its name.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::plan::{BuildSource, EjectBuild, EjectPlan, EjectedFile};
use super::target::EjectTarget;
use crate::atomic::NewDirectory;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::files::{FileKind, read_named};
use crate::import::{DifferenceWords, ImportProof, ImportTarget, KustomizeProgram, ProofDifference, check_destination};
use crate::layer::Tree;
use crate::name::AppName;
use crate::object::Reveal;
use crate::parallel;
use crate::secret_files::edit::{PlaintextStorage, PrivateDirectory, TempDirs};
use crate::sops::{
    DecryptedFile, HostSystem, Identities, IdentityKind, IdentitySources, NewIdentity, Recipient, Recipients, Timestamp,
};
use crate::span::Source;
use crate::yaml::read::read_document;

/// Number of files from which threads are worth their cost.
const FEW: usize = 32;

/// Words of the proof.
const WORDS: DifferenceWords = DifferenceWords { missing: "is missing", added: "was added, but is not rendered" };

/// Place of the files, and its name in messages.
pub struct EjectDestination<'a> {
    /// The directory, which does not exist or is empty.
    pub directory: &'a Path,
    /// Its name in messages.
    pub shown: &'a str,
    /// Time of the encryption.
    pub now: Timestamp,
}

/// Means of the proof.
pub struct ProofTools<'a> {
    /// Program that builds overlays; none if there are none.
    pub builder: Option<KustomizeProgram>,
    /// Places for decrypted inputs of the builds.
    pub temporary: &'a TempDirs,
}

/// Result of ejecting.
pub struct EjectOutcome {
    /// Plan that was written.
    pub plan: EjectPlan,
    /// Comparison with the rendered objects.
    pub proof: ImportProof,
}

/// Encrypts, writes and proves a plan. Differences are part of the outcome, and the files are written.
///
/// `plan` is called again with the apps whose overlays do not give the same objects: they are written as resources.
pub fn write_eject(
    plan: impl Fn(&BTreeSet<AppName>) -> EjectPlan,
    targets: &[EjectTarget],
    destination: &EjectDestination<'_>,
    tools: &ProofTools<'_>,
) -> Result<EjectOutcome, Diagnostics> {
    let EjectDestination { directory, shown, .. } = *destination;
    check_destination(&ImportTarget { directory, shown }, "eject")?;
    let unwritable = |error: io::Error| Diagnostic::unwritable(shown, &io::Error::from(error.kind()));
    let own = OwnIdentity::generate()?;
    let mut fixed = BTreeSet::new();
    loop {
        let plan = plan(&fixed);
        let directory = NewDirectory::create_beside(directory).map_err(unwritable)?;
        for (path, bytes) in encrypt_files(&plan, destination, Some(&own.recipients))? {
            directory.write_file(&path, &bytes).map_err(unwritable)?;
        }
        let written = WrittenFiles { plan: &plan, directory: &directory.path(), identities: &own.identities };
        let (proof, differing) = written.prove(targets, tools)?;
        let before = fixed.len();
        fixed.extend(differing);
        if fixed.len() > before {
            continue;
        }
        for (path, bytes) in encrypt_files(&plan, destination, None)? {
            directory.write_file(&path, &bytes).map_err(unwritable)?;
        }
        directory.publish().map_err(unwritable)?;
        return Ok(EjectOutcome { plan, proof });
    }
}

/// All files encrypted for `recipients`, or the files of Secrets for their own.
fn encrypt_files(
    plan: &EjectPlan,
    destination: &EjectDestination<'_>,
    recipients: Option<&Recipients>,
) -> Result<Vec<(String, Vec<u8>)>, Diagnostics> {
    let to_bytes = |(path, file): (&String, &EjectedFile)| {
        let name = format!("{}/{path}", destination.shown);
        Ok((path.clone(), file.to_bytes(&name, recipients, destination.now)?))
    };
    let is_wanted = |file: &EjectedFile| recipients.is_some() || matches!(file, EjectedFile::Secret { .. });
    let wanted = plan.files.iter().filter(|(_, file)| is_wanted(file)).collect();
    parallel::par_map(wanted, FEW, to_bytes).into_iter().collect()
}

/// Identity that is kept nowhere.
struct OwnIdentity {
    recipients: Recipients,
    identities: Identities,
}

impl OwnIdentity {
    fn generate() -> Result<Self, Diagnostic> {
        let new = NewIdentity::generate(IdentityKind::X25519).ok_or_else(Diagnostic::no_randomness)?;
        let recipient = Recipient::parse(new.recipient()).map_err(|_| Diagnostic::no_randomness())?;
        let key = new.identity().expose().clone();
        let variable = |name: &str| (name == "SOPS_AGE_KEY").then(|| key.clone().into());
        let identities = Identities::new(IdentitySources::of(HostSystem::current(), variable));
        Ok(Self { recipients: Recipients::from_age(vec![recipient]), identities })
    }
}

/// Objects of a build, or the reasons why kustomize does not build it.
type OverlayObjects = Result<Vec<Tree>, Diagnostics>;

/// Files on disk before they get their place.
struct WrittenFiles<'a> {
    plan: &'a EjectPlan,
    directory: &'a Path,
    identities: &'a Identities,
}

impl WrittenFiles<'_> {
    /// Content of a file, decrypted.
    fn read(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
        let bytes = read_named(FileKind::SecretFile, &self.directory.join(path), path)?;
        match self.plan.files.get(path) {
            Some(EjectedFile::Secret { format, .. }) => {
                let decrypted = DecryptedFile::decrypt_bytes(path, bytes, *format, self.identities);
                let decrypted = decrypted.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
                decrypted.plaintext().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))
            }
            Some(EjectedFile::Plain(_)) | None => Ok(Zeroizing::new(bytes)),
        }
    }

    fn read_object(&self, path: &str) -> Result<Tree, Diagnostics> {
        let text = self.read(path)?;
        let source = Source::new(path, String::from_utf8_lossy(&text));
        Ok(Tree::from_node(read_document(&source)?, &source))
    }

    /// Compares the objects of the written files with the rendered ones. Returns also the apps whose overlays differ.
    fn prove(
        &self,
        targets: &[EjectTarget],
        tools: &ProofTools<'_>,
    ) -> Result<(ImportProof, BTreeSet<AppName>), Diagnostics> {
        let inputs = tools.builder.map(|builder| Ok::<_, Diagnostics>((builder, self.decrypt_inputs(tools)?)));
        let inputs = inputs.transpose()?;
        let read = |build: &EjectBuild| -> Result<OverlayObjects, Diagnostics> {
            match (&build.input, &inputs) {
                (BuildSource::Files(paths), _) => paths.iter().map(|path| self.read_object(path).map(Ok)).collect(),
                (BuildSource::Kustomization(directory), Some((builder, inputs))) => {
                    Ok(builder.build(&inputs.path().join(directory), directory))
                }
                (BuildSource::Kustomization(_), None) => Ok(Ok(Vec::new())),
            }
        };
        let built = parallel::par_map(self.plan.builds.iter().collect(), 2, read);
        let mut all = ImportProof { of_objects: true, ..ImportProof::default() };
        let mut differing = BTreeSet::new();
        for (build, objects) in self.plan.builds.iter().zip(built) {
            let (objects, target) = (objects?, targets.get(build.target));
            let rendered = target.map(|target| target.objects.as_slice()).unwrap_or_default();
            let rendered = rendered.iter().map(|object| object.object.to_value(Reveal::Values));
            let before = all.differences.len();
            match &objects {
                Ok(objects) => {
                    all.compare_objects(&build.environment, &WORDS, rendered, objects.iter().map(Tree::to_value));
                }
                Err(found) => {
                    all.total += rendered.count();
                    let subject = format!("`{}`", build.input.directory().unwrap_or_default());
                    let details = found.iter().map(|found| found.message.clone()).collect();
                    all.differences.push(ProofDifference { environment: build.environment.clone(), subject, details });
                }
            }
            if all.differences.len() > before && build.input.directory().is_some() {
                differing.extend(target.map(|target| target.app.clone()));
            }
            if !all.environments.contains(&build.environment) {
                all.environments.push(build.environment.clone());
            }
        }
        Ok((all, differing))
    }

    /// The files as kustomize reads them, with decrypted inputs, in a directory of this user that is wiped.
    fn decrypt_inputs(&self, tools: &ProofTools<'_>) -> Result<PrivateDirectory, Diagnostics> {
        let directory = PrivateDirectory::new(tools.temporary, PlaintextStorage::Disk)?;
        for (path, file) in &self.plan.files {
            let place = match file {
                EjectedFile::Secret { decrypted: Some(place), .. } => place,
                EjectedFile::Secret { .. } | EjectedFile::Plain(_) => path,
            };
            directory
                .write_input(place, &self.read(path)?)
                .map_err(|error| Diagnostic::unwritable("a temporary directory", &io::Error::from(error.kind())))?;
        }
        Ok(directory)
    }
}
