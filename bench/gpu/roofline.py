"""What the GPU can do, and what PyTorch makes of the same shape: roofline.py OUT.json [--quick]. Needs torch; the comparison
also needs transformers. Without them the file holds what could be measured."""
import json
import sys
import time

out = {}
try:
    import torch

    def median_seconds(work, rounds=10):
        for _ in range(3):
            work()
        times = []
        for _ in range(rounds):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            work()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) / 1e3)
        return sorted(times)[len(times) // 2]

    a = torch.randint(0, 255, (2 << 30,), dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    out["copy_gb_per_s"] = 2 * a.numel() / median_seconds(lambda: b.copy_(a)) / 1e9
    del a, b
    x = torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda")
    y = torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda")
    out["matrix_tflop_per_s"] = 2 * 8192**3 / median_seconds(lambda: x @ y) / 1e12
    del x, y
    print("copy %.0f GB/s, bf16 matrix product %.0f TFLOP/s" % (out["copy_gb_per_s"], out["matrix_tflop_per_s"]), flush=True)

    def compare(name, **shape):
        from transformers import LlamaConfig, LlamaForCausalLM, StaticCache

        torch.manual_seed(0)
        config = LlamaConfig(vocab_size=128256, rms_norm_eps=1e-5, max_position_embeddings=131072, **shape)
        with torch.device("cuda"):
            model = LlamaForCausalLM(config).to(torch.bfloat16).eval()
        results = {}
        with torch.inference_mode():
            forward = torch.compile(model.forward, mode="reduce-overhead", fullgraph=True)
            for batch in (1, 8) if "--quick" in sys.argv else (1, 8, 64):
                cache = StaticCache(config=config, max_cache_len=512)
                tokens = torch.randint(10, 1000, (batch, 64), device="cuda")
                model(tokens, past_key_values=cache, cache_position=torch.arange(64, device="cuda"), use_cache=True)
                at = torch.tensor([64], device="cuda")
                one = tokens[:, :1].clone()

                def step():
                    nonlocal one
                    logits = forward(one, past_key_values=cache, cache_position=at, use_cache=True).logits
                    one = logits[:, -1:].argmax(-1).clone()
                    at.add_(1)

                for _ in range(8):
                    step()
                torch.cuda.synchronize()
                begin = time.time()
                for _ in range(128):
                    step()
                torch.cuda.synchronize()
                results["decode%d" % batch] = 128 * batch / (time.time() - begin)
            for length in (512, 2048) if "--quick" in sys.argv else (512, 2048, 8192):
                tokens = torch.randint(10, 1000, (1, length), device="cuda")
                seconds = median_seconds(lambda: model(tokens, logits_to_keep=1, use_cache=False), 5)
                results["prefill%d" % length] = length / seconds
        out["torch." + name] = results
        print(name, "with PyTorch:", {k: round(v, 1) for k, v in results.items()}, flush=True)
        del model
        torch.cuda.empty_cache()

    try:
        compare("llama-3.2-1b", hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
                head_dim=64, intermediate_size=8192, tie_word_embeddings=True)
        if "--quick" not in sys.argv:
            compare("llama-3.1-8b", hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
                    head_dim=128, intermediate_size=14336)
    except Exception as e:  # the comparison is not what the file is for
        print("no comparison with PyTorch:", repr(e)[:300], flush=True)
except Exception as e:
    print("no roofline from PyTorch:", repr(e)[:300], flush=True)
with open(sys.argv[1], "w") as file:
    json.dump(out, file)
