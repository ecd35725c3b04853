import type { Camera } from "./camera.ts";
import { element } from "./dom.ts";
import type { Brush } from "./sprite.ts";

/** The canvas, as large as the window and the camera with it. `resized` is called now and from then on. */
export function openCanvas(
  camera: Camera,
  resized: () => void,
): { canvas: HTMLCanvasElement; brush: Brush } {
  const canvas = element("world", HTMLCanvasElement);
  const brush = canvas.getContext("2d", { alpha: false });
  if (brush === null) throw new Error("This browser has no 2D canvas.");
  const resize = (): void => {
    camera.resize(innerWidth, innerHeight, devicePixelRatio);
    canvas.width = Math.round(camera.width * camera.ratio);
    canvas.height = Math.round(camera.height * camera.ratio);
    resized();
  };
  addEventListener("resize", resize);
  resize();
  return { canvas, brush };
}
