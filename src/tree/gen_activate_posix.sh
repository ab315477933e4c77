# Source this file: `. bin/activate`. It serves bash, zsh, ksh, dash and other POSIX shells, also
# under `set -eu`. `deactivate` takes everything back.

deactivate() {
	if [ -n "${_OLD_VIRTUAL_PATH+set}" ]; then
		export PATH="$_OLD_VIRTUAL_PATH"
		unset _OLD_VIRTUAL_PATH
	fi
	if [ -n "${_OLD_VIRTUAL_PYTHONHOME+set}" ]; then
		export PYTHONHOME="$_OLD_VIRTUAL_PYTHONHOME"
		unset _OLD_VIRTUAL_PYTHONHOME
	fi
	if [ -n "${_OLD_VIRTUAL_PS1+set}" ]; then
		PS1="$_OLD_VIRTUAL_PS1"
		unset _OLD_VIRTUAL_PS1
	fi
	unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT
	# The shell remembers where it found python. bash fails here when told not to (set +h).
	hash -r 2>/dev/null || :
	if [ "${1-}" != nondestructive ]; then
		unset -f deactivate
	fi
}

# What is active now, be it this environment or another.
deactivate nondestructive

export VIRTUAL_ENV=@VIRTUAL_ENV@
export VIRTUAL_ENV_PROMPT=@PROMPT@

_OLD_VIRTUAL_PATH="${PATH-}"
# An empty name on PATH would be the current directory.
export PATH="$VIRTUAL_ENV/bin${PATH:+:$PATH}"

if [ -n "${PYTHONHOME+set}" ]; then
	_OLD_VIRTUAL_PYTHONHOME="$PYTHONHOME"
	unset PYTHONHOME
fi

# Each shell expands its prompt in another way.
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ] && [ -n "${PS1+set}" ]; then
	_OLD_VIRTUAL_PS1="$PS1"
	if [ -n "${BASH_VERSION-}" ]; then
		PS1=@PROMPT_BASH@"$PS1"
	elif [ -n "${ZSH_VERSION-}" ] && [[ -o promptpercent ]]; then
		PS1=@PROMPT_ZSH@"$PS1"
	else
		case "${KSH_VERSION-}" in
		Version*) PS1=@PROMPT_KSH93@"$PS1" ;;
		?*) PS1=@PROMPT_MKSH@"$PS1" ;;
		*) PS1=@PROMPT_DASH@"$PS1" ;;
		esac
	fi
fi

hash -r 2>/dev/null || :
