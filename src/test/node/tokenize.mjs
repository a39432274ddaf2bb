// llama.cpp's tokens: tokenize.mjs JOBS, a JSON list of {file, texts}. One line of JSON for each file.
import {readFileSync} from "node:fs";
import {getLlama} from "node-llama-cpp";

const llama = await getLlama({gpu: false, build: "never", logLevel: "error"});
for (const {file, texts} of JSON.parse(readFileSync(process.argv[2]))) {
    const model = await llama.loadModel({modelPath: file, vocabOnly: true});
    console.log(JSON.stringify({file, tokens: texts.map((text) => model.tokenize(text, false))}));
    await model.dispose();
}
process.exit(0);
