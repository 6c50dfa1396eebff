{
  description = "Renders Kubernetes ConfigMaps, Secrets and manifests for every environment, keeping secrets out of plain objects";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAll = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in {
      packages = forAll (pkgs: rec {
        default = septum;
        septum = pkgs.rustPlatform.buildRustPackage {
          pname = "septum";
          version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          SEPTUM_COMMIT = self.shortRev or "";
          # they start Git, kubectl and terminals, and are run by CI
          doCheck = false;
          postInstall = ''
            ln -s septum $out/bin/kubectl-septum
            installShellCompletion --cmd septum \
              --bash <($out/bin/septum completions bash) \
              --zsh <($out/bin/septum completions zsh) \
              --fish <($out/bin/septum completions fish)
            $out/bin/septum man > septum.1
            installManPage septum.1
          '';
          meta = {
            license = with nixpkgs.lib.licenses; [ mit asl20 ];
            mainProgram = "septum";
          };
        };
      });
      devShells = forAll (pkgs: {
        default = pkgs.mkShell { packages = with pkgs; [ cargo clippy rustfmt rustc just sops age kustomize kubectl ]; };
      });
    };
}
