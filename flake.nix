{
  description = "Renders Kubernetes ConfigMaps, Secrets and manifests for every environment, keeping secrets out of plain objects";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAll = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      part = text: start: length: builtins.substring start length text;
      # 20261129213005
      day = date: "${part date 0 4}-${part date 4 2}-${part date 6 2}";
    in {
      packages = forAll (pkgs: rec {
        default = septum;
        septum = pkgs.rustPlatform.buildRustPackage {
          pname = "septum";
          version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          # what `septum --version` shows of a commit, as in the archives of a release
          SEPTUM_COMMIT = if self ? rev then "${builtins.substring 0 12 self.rev} ${day self.lastModifiedDate}" else "";
          cargoBuildFlags = [ "--bin" "septum" ];
          # they start Git, kubectl and terminals, and are run by CI
          doCheck = false;
          postInstall = ''
            ln -s septum $out/bin/kubectl-septum
            installShellCompletion --cmd septum \
              --bash <($out/bin/septum completions bash) \
              --zsh <($out/bin/septum completions zsh) \
              --fish <($out/bin/septum completions fish)
            $out/bin/septum man > septum.1
            for command in $(sed -n 's/^\\fBseptum\\-\(.*\)\\fR(1)$/\1/p' septum.1 | tr -d '\\'); do
              $out/bin/septum man "$command" > "septum-$command.1"
            done
            installManPage septum*.1
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
