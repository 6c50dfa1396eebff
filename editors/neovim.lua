-- Starts the language server of Septum for the files of a project. Neovim 0.11 or later:
-- copy this file to ~/.config/nvim/lsp/septum.lua, and add `vim.lsp.enable("septum")` to init.lua.
return {
  cmd = { "septum", "lsp" },
  filetypes = { "yaml", "jinja", "htmldjango" },
  -- the nearest directory upward with one of these; elsewhere the server is not started
  root_dir = function(buffer, start)
    local root = vim.fs.root(buffer, { "septum.yaml", "environments/base.yaml", "base.yaml" })
    if root then
      start(root)
    end
  end,
}
