// llama.cpp through node-llama-cpp on one GGUF file: llama.mjs FILE THREADS ROUNDS STREAMS. Its last line is JSON, the same
// figures as EngineSpeed's; with STREAMS > 0 instead tokens per second of that many sequences, 128 in and 64 out each.
import {getLlama} from "node-llama-cpp";

const [file, threads, rounds, streams] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const seconds = () => performance.now() / 1000;
const llama = await getLlama({gpu: false, build: "never", logLevel: "error", maxThreads: 0});
const model = await llama.loadModel({modelPath: file});
const prompt = (n) => Array.from({length: n}, () => 10 + Math.floor(Math.random() * 900));

async function context(sequences, size) {
    return await model.createContext({contextSize: size, sequences, threads, batchSize: 512});
}

/** Tokens per second after the first token, of all sequences together; or of everything where whole is true. */
async function decode(sequences, input, output, whole = false) {
    const c = await context(sequences, input + output + 16);
    const start = seconds();
    const first = [];
    let count = 0;
    await Promise.all(Array.from({length: sequences}, async () => {
        let made = 0;
        for await (const token of c.getSequence().evaluate(prompt(input), {temperature: 0, yieldEogToken: true})) {
            if (made === 0) first.push(seconds());
            made++;
            if (made === output) break;
        }
        count += made;
    }));
    const end = seconds();
    await c.dispose();
    return whole ? count / (end - start) : (count - sequences) / (end - Math.max(...first));
}

async function prefill(length) {
    const c = await context(1, length + 16);
    const start = seconds();
    for await (const token of c.getSequence().evaluate(prompt(length), {temperature: 0, yieldEogToken: true})) break;
    const rate = length / (seconds() - start);
    await c.dispose();
    return rate;
}

if (streams > 0) {
    const all = [];
    for (let i = 0; i < rounds; i++) all.push(await decode(streams, 128, 64, true));
    console.log(JSON.stringify({streams: all}));
} else {
    const c = await context(1, 64);
    for await (const token of c.getSequence().evaluate(prompt(8), {temperature: 0, yieldEogToken: true})) break;
    const first = (performance.timeOrigin + performance.now() - Number(process.env.STARTED_MILLIS)) / 1000;
    await c.dispose();
    const result = {decode1: [], prefill512: [], decode16: [], first_token: first};
    for (let i = 0; i < rounds; i++) {
        result.decode1.push(await decode(1, 16, 64));
        result.prefill512.push(await prefill(512));
        result.decode16.push(await decode(16, 16, 32));
    }
    console.log(JSON.stringify(result));
}
process.exit(0);
