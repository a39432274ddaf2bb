// llama.cpp on some models: llama.mjs JOBS, a JSON list of {file, prompt, answer}. For each, after every token of prompt and
// answer from the prompt's last on: the likeliest tokens and their probabilities, as one line of JSON.
import {readFileSync} from "node:fs";
import {getLlama} from "node-llama-cpp";

const llama = await getLlama({gpu: false, build: "never", logLevel: "error"});
for (const {file, prompt, answer} of JSON.parse(readFileSync(process.argv[2]))) {
    const model = await llama.loadModel({modelPath: file});
    const context = await model.createContext({contextSize: 512, batchSize: 512});
    const asked = {generateNext: {token: true, probabilities: true}};
    const tokens = [...prompt, ...answer.slice(0, -1)];
    const input = tokens.map((token, i) => (i < prompt.length - 1 ? token : [token, asked]));
    const output = await context.getSequence().controlledEvaluate(input);
    const next = output.slice(prompt.length - 1).map((o) => [...o.next.probabilities.entries()].slice(0, 8));
    console.log(JSON.stringify({file, next}));
    await context.dispose();
    await model.dispose();
}
process.exit(0);
