// Evaluation: data sets, prompts, grading of mathematical answers, pass@1 with its statistics, and the log of answers.
// It knows nothing about HTTP servers, engines or models: whoever runs it brings something that answers questions.
