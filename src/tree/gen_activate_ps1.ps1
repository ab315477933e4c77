<#
.SYNOPSIS
Activates this virtual environment in the PowerShell session that runs it.

.DESCRIPTION
Puts the environment's bin directory first on PATH and its name in front of the prompt.
`deactivate` takes everything back.

.PARAMETER VenvDir
The directory of the environment. Default: where it is mounted.

.PARAMETER Prompt
What to show in front of the prompt. Default: the environment's own, or the name of VenvDir when
that is given.

.EXAMPLE
. bin/Activate.ps1
#>
param(
    [Parameter(Mandatory = $false)]
    [string]
    $VenvDir,

    [Parameter(Mandatory = $false)]
    [string]
    $Prompt
)

function global:deactivate([switch]$NonDestructive) {
    if (Test-Path -LiteralPath function:_OLD_VIRTUAL_PROMPT) {
        Copy-Item -LiteralPath function:_OLD_VIRTUAL_PROMPT -Destination function:prompt
        Remove-Item -LiteralPath function:_OLD_VIRTUAL_PROMPT
    }
    foreach ($name in 'PATH', 'PYTHONHOME') {
        if (Test-Path -LiteralPath "env:_OLD_VIRTUAL_$name") {
            Copy-Item -LiteralPath "env:_OLD_VIRTUAL_$name" -Destination "env:$name"
            Remove-Item -LiteralPath "env:_OLD_VIRTUAL_$name"
        }
    }
    foreach ($name in 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        if (Test-Path -LiteralPath "env:$name") {
            Remove-Item -LiteralPath "env:$name"
        }
    }
    if (Test-Path -LiteralPath variable:global:_PYTHON_VENV_PROMPT_PREFIX) {
        Remove-Variable -Name _PYTHON_VENV_PROMPT_PREFIX -Scope Global -Force
    }
    if (-not $NonDestructive) {
        Remove-Item -LiteralPath function:deactivate
    }
}

if (-not $Prompt) {
    if ($VenvDir) {
        $Prompt = Split-Path -Path $VenvDir.TrimEnd('/') -Leaf
    } else {
        $Prompt = @PROMPT@
    }
}
if ($VenvDir) {
    $VenvDir = $VenvDir.TrimEnd('/')
} else {
    $VenvDir = @VIRTUAL_ENV@
}

# What is active now, be it this environment or another.
deactivate -NonDestructive

$env:VIRTUAL_ENV = $VenvDir
$env:VIRTUAL_ENV_PROMPT = $Prompt

if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    function global:_OLD_VIRTUAL_PROMPT { '' }
    Copy-Item -LiteralPath function:prompt -Destination function:_OLD_VIRTUAL_PROMPT
    New-Variable -Name _PYTHON_VENV_PROMPT_PREFIX -Value $Prompt -Scope Global -Option ReadOnly `
        -Description 'What the virtual environment shows in front of the prompt'

    function global:prompt {
        Write-Host -NoNewline -ForegroundColor Green "($_PYTHON_VENV_PROMPT_PREFIX) "
        _OLD_VIRTUAL_PROMPT
    }
}

if (Test-Path -LiteralPath env:PYTHONHOME) {
    Copy-Item -LiteralPath env:PYTHONHOME -Destination env:_OLD_VIRTUAL_PYTHONHOME
    Remove-Item -LiteralPath env:PYTHONHOME
}

Copy-Item -LiteralPath env:PATH -Destination env:_OLD_VIRTUAL_PATH
$env:PATH = "$VenvDir/bin" + [System.IO.Path]::PathSeparator + $env:PATH
