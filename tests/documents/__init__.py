"""The project's pages as tests see them: their code blocks, and a private machine on which the commands are run."""
