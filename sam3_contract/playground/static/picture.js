// The canvas: the photograph, what was asked on it, and the masks over it. Coordinates are pixels of the photograph.

const DRAG = 5; // screen pixels: what moves less is a click
const MOST_SIDE = 1600; // of the canvas; larger photographs are drawn smaller

export const COLOURS = [
  [64, 156, 255], [60, 190, 110], [255, 99, 71], [255, 176, 32], [178, 102, 255], [0, 190, 190], [255, 105, 180],
  [150, 200, 40],
];

export class Picture {
  constructor(canvas, { onMark, onPick }) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.onMark = onMark;
    this.onPick = onPick;
    this.overlays = [];
    this.expected = []; // outlines of what would have come without a fault
    this.marks = [];
    this.negative = false;
    this.chosen = null;
    this.pointer = null;
    this.drag = null;
    this.corner = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => { this.drag = null; this.draw(); });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => { this.pointer = null; this.draw(); });
  }

  show(bitmap) {
    this.bitmap = bitmap;
    this.scale = Math.min(1, MOST_SIDE / Math.max(bitmap.width, bitmap.height));
    this.canvas.width = Math.max(1, Math.round(bitmap.width * this.scale));
    this.canvas.height = Math.max(1, Math.round(bitmap.height * this.scale));
    this.overlays = this.expected = [];
    this.pointer = this.corner = null;
    this.draw();
  }

  // Each overlay has a canvas of its mask's own size; one of another size than the photograph is drawn as it came.
  draw() {
    if (!this.bitmap) return;
    const { pen, canvas } = this;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(this.bitmap, 0, 0, canvas.width, canvas.height);
    const shown = this.overlays.filter(({ overlay }, index) => overlay && (this.chosen === null || this.chosen === index));
    for (const { overlay } of shown) pen.drawImage(overlay, 0, 0, overlay.width * this.scale, overlay.height * this.scale);
    const beside = this.expected.filter((outline, index) => outline && (this.chosen === null || this.chosen === index));
    for (const outline of beside) pen.drawImage(outline, 0, 0, outline.width * this.scale, outline.height * this.scale);
    shown.forEach((one) => this.#label(one));
    this.marks.forEach((mark) => this.#mark(mark));
    if (this.drag?.box) this.#mark({ kind: "box", ...this.drag.box, positive: this.drag.positive });
    if (this.corner && this.pointer) {
      this.#mark({ kind: "box", x0: this.corner.x, y0: this.corner.y, x1: this.pointer.x, y1: this.pointer.y, positive: true });
    }
    if (this.pointer) this.#cross(this.pointer);
  }

  // Above the mask's topmost pixel, or below it where there is no room.
  #label({ text, top }) {
    if (!top) return;
    const { pen, canvas, scale } = this;
    const size = Math.max(11, Math.round(canvas.width / 50));
    pen.font = `${size}px system-ui, sans-serif`;
    pen.textBaseline = "top";
    const width = pen.measureText(text).width + size / 2, height = size * 1.3;
    const x = Math.min(Math.max(top.x * scale - width / 2, 0), Math.max(canvas.width - width, 0));
    const y = top.y * scale > height + 2 ? top.y * scale - height - 2 : top.y * scale + 2;
    pen.fillStyle = "#000b";
    pen.fillRect(x, y, width, height);
    pen.fillStyle = "#fff";
    pen.fillText(text, x + size / 4, y + size * 0.15);
  }

  #mark({ kind, positive, ...place }) {
    const { pen, scale } = this;
    const size = Math.max(5, this.canvas.width / 110);
    pen.lineWidth = Math.max(2, this.canvas.width / 350);
    pen.strokeStyle = "white";
    pen.fillStyle = positive ? "#18864b" : "#c62828";
    if (kind === "point") {
      const [x, y] = [(place.x + 0.5) * scale, (place.y + 0.5) * scale];
      pen.beginPath();
      pen.arc(x, y, size, 0, 2 * Math.PI);
      pen.fill();
      pen.stroke();
      pen.beginPath(); // a plus or a minus: colour alone does not tell everybody
      pen.moveTo(x - size / 2, y);
      pen.lineTo(x + size / 2, y);
      if (positive) { pen.moveTo(x, y - size / 2); pen.lineTo(x, y + size / 2); }
      pen.stroke();
    } else {
      const { x0, y0, x1, y1 } = place;
      for (const [style, dash] of [["white", []], [pen.fillStyle, positive ? [] : [size, size]]]) {
        pen.strokeStyle = style;
        pen.setLineDash(dash);
        pen.strokeRect(x0 * scale, y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale);
        pen.lineWidth /= 2;
      }
      pen.setLineDash([]);
    }
  }

  #cross({ x, y }) {
    const { pen, canvas, scale } = this;
    pen.lineWidth = 1;
    for (const style of ["#000", "#fff"]) {
      pen.strokeStyle = style;
      pen.setLineDash(style === "#fff" ? [4, 4] : []);
      pen.beginPath();
      pen.moveTo((x + 0.5) * scale, 0); pen.lineTo((x + 0.5) * scale, canvas.height);
      pen.moveTo(0, (y + 0.5) * scale); pen.lineTo(canvas.width, (y + 0.5) * scale);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  #place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const clamp = (value, most) => Math.min(Math.max(Math.floor(value), 0), most - 1);
    return {
      x: clamp((event.clientX - left) / width * this.bitmap.width, this.bitmap.width),
      y: clamp((event.clientY - top) / height * this.bitmap.height, this.bitmap.height),
    };
  }

  #down(event) {
    if (!this.bitmap || !event.isPrimary) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = this.corner = null;
    this.drag = {
      start: this.#place(event), at: [event.clientX, event.clientY], positive: event.button === 0 && !event.altKey && !this.negative,
    };
  }

  #move(event) {
    if (!this.drag) return;
    const [x, y] = this.drag.at;
    if (this.drag.box || Math.hypot(event.clientX - x, event.clientY - y) > DRAG) {
      const end = this.#place(event);
      this.drag.box = { x0: this.drag.start.x, y0: this.drag.start.y, x1: end.x, y1: end.y };
      this.draw();
    }
  }

  #up() {
    if (!this.drag) return;
    const { start, box, positive } = this.drag;
    this.drag = null;
    if (!box) this.onMark({ kind: "point", ...start, positive });
    else if (box.x0 !== box.x1 && box.y0 !== box.y1) this.onMark({ kind: "box", ...box, positive });
    else this.draw();
  }

  #key(event) {
    if (!this.bitmap || event.ctrlKey || event.metaKey) return;
    const step = event.shiftKey ? Math.max(10, Math.round(this.bitmap.width / 20)) : 1;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const middle = { x: this.bitmap.width >> 1, y: this.bitmap.height >> 1 };
    const at = this.pointer ?? middle;
    const key = event.key.toLowerCase();
    if (dx || dy) {
      this.pointer = {
        x: Math.min(Math.max(at.x + dx * step, 0), this.bitmap.width - 1),
        y: Math.min(Math.max(at.y + dy * step, 0), this.bitmap.height - 1),
      };
    } else if (key === "enter" || key === "n") {
      this.pointer = at;
      this.onMark({ kind: "point", ...at, positive: key === "enter" && !event.altKey });
    } else if (key === "b") {
      this.pointer = at;
      if (this.corner && this.corner.x !== at.x && this.corner.y !== at.y) {
        const { x, y } = this.corner;
        this.corner = null;
        this.onMark({ kind: "box", x0: x, y0: y, x1: at.x, y1: at.y, positive: !event.altKey });
      } else {
        this.corner = this.corner ? null : at;
      }
    } else if (key === "escape") {
      this.corner = this.pointer = null;
    } else {
      return;
    }
    event.preventDefault();
    this.draw();
  }
}
