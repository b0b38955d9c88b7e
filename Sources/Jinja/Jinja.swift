// Jinja: the template language that chat templates are written in.
// It knows nothing about models or tokenizers.
