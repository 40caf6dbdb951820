"""`experimaestro completion`: what a shell needs to complete commands and options."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands and options.

    \b
    bash: echo 'eval "$(experimaestro completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(experimaestro completion zsh)"' >> ~/.zshrc
    fish: experimaestro completion fish > ~/.config/fish/completions/experimaestro.fish
    """  # noqa: D301 - the sign by which click leaves lines as they are
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None, shell
    click.echo(complete(context.find_root().command, {}, "experimaestro", "_EXPERIMAESTRO_COMPLETE").source())
